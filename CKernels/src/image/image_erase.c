#include "image/image_augment.h"

ck_status ck_erase(float *planes, const ck_erasure *erasures, int64_t n, int64_t h, int64_t w) {
    if (!planes || !erasures)
        return CK_NULL_POINTER;
    if (n < 1 || h < 1 || w < 1)
        return CK_BAD_DIMENSION;
    for (int64_t i = 0; i < n; i++) {
        const ck_erasure *e = &erasures[i];
        if (e->x < 0 || e->y < 0 || e->width < 0 || e->height < 0 || e->width > w || e->height > h ||
            e->x > w - e->width || e->y > h - e->height)
            return CK_BAD_PARAMETER;
    }
    const ck_augment_variant *variant;
    ck_status status = ck_augment_choose(&variant);
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static, 1)
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < 3; c++) {
            const ck_erasure *e = &erasures[i];
            for (int64_t y = e->y; y < e->y + e->height; y++) {
                int64_t element = (c * h + y) * w + e->x;
                float *out = planes + i * 3 * h * w + element;
                if (e->noise)
                    ck_normal_numbers(out, element, e->width, e->seed);
                else
                    memset(out, 0, sizeof(float) * (size_t)e->width);
            }
        }
    return CK_OK;
}
