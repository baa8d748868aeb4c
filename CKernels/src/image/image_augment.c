#include "image/image_augment.h"

/// Lays out the memory of one thread in `scratch`, which may be null. Returns the number of floats.
static int64_t lay_out(ck_augment_memory *memory, float *scratch, const ck_windows *d) {
    int64_t h = d->h, pitch = ck_ceil_div(d->w, CK_AUGMENT_LANES) * CK_AUGMENT_LANES, used = 0;
    memory->pitch = pitch;
    memory->plane = h * pitch;
    struct {
        float **part;
        int64_t count;
    } parts[] = {
        {(float **)&memory->source, ck_ceil_div(3 * (h + 2) * (d->w + 2) + CK_SOURCE_MARGIN, sizeof(float))},
        {(float **)&memory->row, pitch},
        {(float **)&memory->offsets, pitch},
        {(float **)&memory->rows, h},
        {&memory->row_fractions, pitch},
        {(float **)&memory->column_weights, pitch},
        {&memory->planes, 3 * h * pitch},
        {&memory->half, h * pitch},
        {&memory->padded, pitch + 2 * CK_BLUR_RADIUS},
        {&memory->blocks, 3 * 8 * pitch},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (scratch)
            *parts[i].part = scratch + used;
        // Whole cache lines, to avoid false sharing between threads.
        used += ck_ceil_div(parts[i].count, 16) * 16;
    }
    return used;
}

static bool fits(const ck_windows *d) {
    return d->n >= 1 && d->h >= 1 && d->w >= 1 && d->h <= 1 << 15 && d->w <= 1 << 15 && d->row_stride >= 3 * d->w;
}

size_t ck_augment_scratch(const ck_windows *d, int32_t threads) {
    if (!d || !fits(d) || threads < 1 || threads > 256)
        return 0;
    ck_augment_memory memory;
    return (size_t)lay_out(&memory, NULL, d) * (size_t)ck_min(threads, d->n);
}

static bool within(const float *values, int count, float low, float high) {
    for (int i = 0; i < count; i++)
        if (!(values[i] >= low && values[i] <= high))
            return false;
    return true;
}

bool ck_is_valid_inverse(const float inverse[6]) {
    return within(inverse, 2, -1024, 1024) && within(inverse + 3, 2, -1024, 1024) &&
           within(inverse + 2, 1, -1048576, 1048576) && within(inverse + 5, 1, -1048576, 1048576);
}

/// Whether stain vectors have a plane: their cross product is neither zero nor too large.
static bool are_stains(const double *v, const double *w) {
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        int i = (c + 1) % 3, j = (c + 2) % 3;
        double product = v[i] * w[j] - v[j] * w[i];
        sum += product * product;
    }
    return sum > 1e-12 && sum < 1e12;
}

static bool is_valid(const ck_augmentation *a) {
    int seen = 0;
    for (int i = 0; i < 4; i++)
        seen |= a->color_order[i] < 4 ? 1 << a->color_order[i] : 0;
    return seen == 15 && ck_is_valid_inverse(a->inverse) && within(a->stain_scale, 3, 0, 16) &&
           are_stains(a->hematoxylin, a->eosin) && within(a->stain_shift, 3, -4, 4) &&
           within(a->illumination, 3, 1.0f / 64, 64) && within(&a->brightness, 1, 0, 16) &&
           within(&a->contrast, 1, 0, 16) && within(&a->saturation, 1, 0, 16) && within(&a->hue, 1, -0.5f, 0.5f) &&
           within(&a->blur_sigma, 1, 0, 32) && within(&a->sharpening, 1, 0, 8) && within(&a->noise_sigma, 1, 0, 255) &&
           a->jpeg_quality >= 0 && a->jpeg_quality <= 100;
}

ck_status ck_augment_windows(uint8_t *pixels, const uint8_t *base, const int64_t *offsets,
                             const ck_augmentation *augmentations, const ck_windows *d, int32_t threads, float *scratch,
                             size_t scratch_count) {
    if (!pixels || !base || !offsets || !augmentations || !d || !scratch)
        return CK_NULL_POINTER;
    if (!fits(d))
        return CK_BAD_DIMENSION;
    if (threads < 1 || threads > 256)
        return CK_BAD_PARAMETER;
    for (int64_t n = 0; n < d->n; n++)
        if (!is_valid(&augmentations[n]))
            return CK_BAD_PARAMETER;
    if (scratch_count < ck_augment_scratch(d, threads))
        return CK_SCRATCH_TOO_SMALL;
    const ck_augment_variant *variant;
    ck_status status = ck_augment_choose(&variant);
    if (status != CK_OK)
        return status;
    int64_t team = ck_min(threads, d->n);
#pragma omp parallel num_threads((int)team)
    {
        ck_augment_memory memory;
        int64_t size = lay_out(&memory, NULL, d);
        lay_out(&memory, scratch + omp_get_thread_num() * size, d);
        // Cost varies between tiles, so tiles are assigned round-robin.
#pragma omp for schedule(static, 1)
        for (int64_t n = 0; n < d->n; n++)
            ck_augment_tile(pixels + n * d->h * d->w * 3, base + offsets[n],
                            n + team < d->n ? base + offsets[n + team] : NULL, &augmentations[n], d, &memory, variant);
    }
    return CK_OK;
}
