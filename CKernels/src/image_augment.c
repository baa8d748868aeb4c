#include "image_augment.h"

static int64_t padded_width(int64_t w) {
    return (w + 7) / 8 * 8;
}

/// Lays out the memory of one thread; `scratch` may be null to learn how many floats that takes.
static int64_t lay_out(ck_augment_memory *memory, float *scratch, const ck_windows *d) {
    int64_t h = d->h, w = d->w, longest = ck_max(h, w), used = 0;
    struct {
        float **part;
        int64_t count;
    } parts[] = {
        {(float **)&memory->source, (h + 2) * (w + 2)},
        {(float **)&memory->row, w},
        {(float **)&memory->columns, w},
        {(float **)&memory->rows, longest},
        {&memory->column_parts, w},
        {&memory->row_parts, w},
        {&memory->planes, 3 * h * w},
        {&memory->half, h * w},
        {&memory->padded, w + 2 * CK_BLUR_RADIUS},
        {&memory->blocks, 3 * 8 * padded_width(w)},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (scratch)
            *parts[i].part = scratch + used;
        // Whole cache lines: threads do not share any.
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

static bool is_sound(const ck_augmentation *a) {
    int seen = 0;
    for (int i = 0; i < 4; i++)
        seen |= a->colour_order[i] < 4 ? 1 << a->colour_order[i] : 0;
    return seen == 15 && within(a->inverse, 2, -1024, 1024) && within(a->inverse + 3, 2, -1024, 1024) &&
           within(a->inverse + 2, 1, -1048576, 1048576) && within(a->inverse + 5, 1, -1048576, 1048576) &&
           within(a->stain_scale, 3, 0, 16) && within(a->stain_shift, 3, -4, 4) &&
           within(a->illumination, 3, 1.0f / 64, 64) && within(&a->brightness, 1, 0, 16) &&
           within(&a->contrast, 1, 0, 16) && within(&a->saturation, 1, 0, 16) && within(&a->hue, 1, -0.5f, 0.5f) &&
           within(&a->blur_sigma, 1, 0, 32) && within(&a->noise_sigma, 1, 0, 255) && a->jpeg_quality >= 0 &&
           a->jpeg_quality <= 100;
}

static void write_pixels(uint8_t *out, const ck_pixel *row, int64_t w) {
    for (int64_t x = 0; x < w; x++) {
        out[3 * x] = (uint8_t)row[x];
        out[3 * x + 1] = (uint8_t)(row[x] >> 8);
        out[3 * x + 2] = (uint8_t)(row[x] >> 16);
    }
}

static void pack(ck_pixel *restrict row, const float *restrict r, const float *restrict g, const float *restrict b,
                 int64_t w) {
    for (int64_t x = 0; x < w; x++)
        row[x] = (ck_pixel)(int32_t)(ck_clamp(r[x], 0, 255) + 0.5f) |
                 (ck_pixel)(int32_t)(ck_clamp(g[x], 0, 255) + 0.5f) << 8 |
                 (ck_pixel)(int32_t)(ck_clamp(b[x], 0, 255) + 0.5f) << 16;
}

static void add_noise(float *restrict planes, int64_t count, float sigma, uint64_t seed) {
    enum { PIECE = 1024 };
    float noise[PIECE];
    for (int64_t start = 0; start < count; start += PIECE) {
        int64_t piece = ck_min(PIECE, count - start);
        ck_normal_numbers(noise, start, piece, seed);
        for (int64_t i = 0; i < piece; i++)
            planes[start + i] = ck_clamp(planes[start + i] + sigma * noise[i], 0, 255);
    }
}

static void augment(uint8_t *out, const uint8_t *window, const ck_augmentation *a, const ck_windows *d,
                    const ck_augment_memory *m, const float *density) {
    int64_t h = d->h, w = d->w;
    bool permutes = ck_is_permutation(a->inverse);
    if (permutes)
        ck_permutation_tables(m, a, d);
    else
        ck_frame_source(m, window, d);
    ck_stain_map stain = ck_make_stain_map(a);
    bool colours = ck_changes_colour(a), blurs = a->blur_sigma > 0, noises = a->noise_sigma > 0;
    bool needs_planes = stain.active || colours || blurs || noises || a->jpeg_quality > 0;
    float *r = m->planes, *g = r + h * w, *b = g + h * w;
    double grey = 0;
    for (int64_t y = 0; y < h; y++) {
        if (permutes)
            ck_permuted_row(m, a, window, d, y);
        else
            ck_affine_row(m, a, d, y);
        if (!needs_planes) {
            write_pixels(out + 3 * y * w, m->row, w);
            continue;
        }
        ck_stain_row(r + y * w, g + y * w, b + y * w, m->row, w, &stain, density);
        if (colours)
            grey += ck_colour_row_before_contrast(r + y * w, g + y * w, b + y * w, w, a);
    }
    if (!needs_planes)
        return;
    if (colours) {
        float mean = (float)(grey / ((double)h * (double)w));
        for (int64_t y = 0; y < h; y++)
            ck_colour_row_from_contrast(r + y * w, g + y * w, b + y * w, w, a, mean);
    }
    if (blurs)
        ck_blur_planes(m, d, a->blur_sigma);
    if (noises)
        add_noise(m->planes, 3 * h * w, a->noise_sigma, a->noise_seed);
    if (a->jpeg_quality > 0)
        ck_jpeg_planes(m, d, a->jpeg_quality);
    for (int64_t y = 0; y < h; y++) {
        pack(m->row, r + y * w, g + y * w, b + y * w, w);
        write_pixels(out + 3 * y * w, m->row, w);
    }
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
        if (!is_sound(&augmentations[n]))
            return CK_BAD_PARAMETER;
    if (scratch_count < ck_augment_scratch(d, threads))
        return CK_SCRATCH_TOO_SMALL;
    float density[256];
    ck_density_table(density);
    int64_t team = ck_min(threads, d->n);
#pragma omp parallel num_threads((int)team)
    {
        ck_augment_memory memory;
        int64_t size = lay_out(&memory, NULL, d);
        lay_out(&memory, scratch + omp_get_thread_num() * size, d);
        // Tiles differ in their steps, so they are dealt out one by one.
#pragma omp for schedule(static, 1)
        for (int64_t n = 0; n < d->n; n++)
            augment(pixels + n * d->h * d->w * 3, base + offsets[n], &augmentations[n], d, &memory, density);
    }
    return CK_OK;
}
