/// Augmentation of one tile.
#include "image/image_augment.h"

/// Output of a tile.
typedef struct destination {
    uint8_t *out;
    /// Window to prefetch, or null.
    const uint8_t *next;
    const ck_windows *d;
    const ck_augment_memory *memory;
    const ck_augment_variant *variant;
} destination;

/// Writes memory->row as row y of the output, and prefetches the same row of the next window into the second-level
/// cache, where the planes no longer evict it.
static void write_row(const destination *to, int64_t y) {
    int64_t bytes = 3 * to->d->w;
    to->variant->write_row(to->out + y * bytes, to->memory, to->d->w);
    for (int64_t i = 0; to->next && i < bytes; i += 64)
        __builtin_prefetch(to->next + y * to->d->row_stride + i, 0, 2);
}

static void add_noise(const ck_augment_memory *m, const ck_windows *d, const ck_augmentation *a,
                      const ck_augment_variant *variant) {
    for (int64_t row = 0; row < 3 * d->h; row++) {
        ck_normal_numbers(m->padded, row * d->w, d->w, a->noise_seed);
        variant->add_noise(m->planes + row * m->pitch, m->padded, m->pitch, a->noise_sigma);
    }
}

void ck_augment_tile(uint8_t *out, const uint8_t *window, const uint8_t *next, const ck_augmentation *a,
                     const ck_windows *d, const ck_augment_memory *m, const ck_augment_variant *variant) {
    int64_t h = d->h, w = d->w;
    const destination to = {out, next, d, m, variant};
    ck_frame_source(m, window, d);
    bool is_permuted = ck_is_permutation(a->inverse);
    if (is_permuted)
        ck_permutation_tables(m, a, d);
    ck_pixel_steps steps;
    int32_t contrast = ck_make_pixel_steps(&steps, a);
    bool has_contrast = contrast < steps.count;
    bool needs_neighbors = a->blur_sigma > 0 || a->noise_sigma > 0 || a->jpeg_quality > 0;
    // When no step needs the whole tile, all rows use row 0 of the planes, which stays in the cache.
    bool is_whole = has_contrast || needs_neighbors;
    double gray = 0;
    for (int64_t y = 0; y < h; y++) {
        if (is_permuted)
            ck_permuted_row(m, y);
        else
            variant->affine_row(m, a, d, y);
        if (is_whole || steps.count > 0)
            gray += variant->pixel_row(m, is_whole ? y : 0, w, true, &steps, 0, contrast, has_contrast);
        if (is_whole)
            continue;
        if (steps.count > 0)
            variant->pack_row(m, 0);
        write_row(&to, y);
    }
    if (!is_whole)
        return;
    if (has_contrast)
        steps.step[contrast].offset = (1 - steps.step[contrast].factor) * (float)(gray / ((double)h * (double)w));
    ck_jpeg_tables tables;
    if (a->jpeg_quality > 0)
        ck_fill_jpeg_tables(&tables, a->jpeg_quality);
    if (a->blur_sigma > 0 || a->noise_sigma > 0) {
        for (int64_t y = 0; has_contrast && y < h; y++)
            variant->pixel_row(m, y, w, false, &steps, contrast, steps.count, false);
        has_contrast = false;
    }
    if (a->blur_sigma > 0)
        ck_blur_planes(m, d, a->blur_sigma, a->sharpening, variant);
    if (a->noise_sigma > 0)
        add_noise(m, d, a, variant);
    // The remaining steps process the planes once, in bands of the height of a JPEG block.
    for (int64_t top = 0; top < h; top += 8) {
        int64_t bottom = ck_min(h, top + 8);
        for (int64_t y = top; has_contrast && y < bottom; y++)
            variant->pixel_row(m, y, w, false, &steps, contrast, steps.count, false);
        if (a->jpeg_quality > 0)
            variant->compress_rows(m, d, top, &tables);
        for (int64_t y = top; y < bottom; y++) {
            variant->pack_row(m, y);
            write_row(&to, y);
        }
    }
}
