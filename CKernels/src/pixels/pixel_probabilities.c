/// Probabilities of pixel classes: threading. The loop over the pixels of a row is in pixel_rows.h.
#include "pixels/ck_pixel_rows.h"
#include "runtime/instruction_set.h"

static ck_classify_row *choose(void) {
    if (ck_is_selected_isa(CK_ISA_AVX512) && ck_classify_row_avx512)
        return ck_classify_row_avx512;
    if (ck_is_selected_isa(CK_ISA_AVX2) && ck_classify_row_avx2)
        return ck_classify_row_avx2;
    return ck_classify_row_portable;
}

ck_status ck_pixel_probabilities(float *interior, float *nucleus, bool *are_finite, const float *logits, int64_t h,
                                 int64_t w) {
    if (!interior || !nucleus || !are_finite || !logits)
        return CK_NULL_POINTER;
    if (h < 1 || w < 1)
        return CK_BAD_DIMENSION;
    ck_isa isa;
    ck_status status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    ck_classify_row *classify = choose();
    bool finite = true;
#pragma omp parallel for schedule(static) reduction(&& : finite)
    for (int64_t row = 0; row < 2 * h; row++) {
        const float *line = logits + (row % 2 * 2 * h + row / 2) * w;
        finite &= classify(interior + row * 2 * w, nucleus + row * 2 * w, line, h * w, w);
    }
    *are_finite = finite;
    return CK_OK;
}
