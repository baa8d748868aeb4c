/// The steps of one tile, in their order.
#include "image/image_augment.h"

/// What the end of a tile needs to know.
typedef struct destination {
    uint8_t *out;
    /// The window that comes after this one, or null.
    const uint8_t *next;
    const ck_windows *d;
    const ck_augment_memory *memory;
    const ck_augment_form *form;
} destination;

/// Writes memory->row as row y, and fetches that of the next window into the second-level cache, where the planes leave
/// it alone from now on.
static void write_row(const destination *to, int64_t y) {
    int64_t bytes = 3 * to->d->w;
    to->form->write_row(to->out + y * bytes, to->memory, to->d->w);
    for (int64_t i = 0; to->next && i < bytes; i += 64)
        __builtin_prefetch(to->next + y * to->d->row_stride + i, 0, 2);
}

static void add_noise(const ck_augment_memory *m, const ck_windows *d, const ck_augmentation *a,
                      const ck_augment_form *form) {
    for (int64_t row = 0; row < 3 * d->h; row++) {
        ck_normal_numbers(m->padded, row * d->w, d->w, a->noise_seed);
        form->add_noise(m->planes + row * m->pitch, m->padded, m->pitch, a->noise_sigma);
    }
}

void ck_augment_tile(uint8_t *out, const uint8_t *window, const uint8_t *next, const ck_augmentation *a,
                     const ck_windows *d, const ck_augment_memory *m, const ck_augment_form *form) {
    int64_t h = d->h, w = d->w;
    const destination to = {out, next, d, m, form};
    ck_frame_source(m, window, d);
    bool is_permuted = ck_is_permutation(a->inverse);
    if (is_permuted)
        ck_permutation_tables(m, a, d);
    ck_pixel_steps steps;
    int32_t contrast = ck_make_pixel_steps(&steps, a);
    bool has_contrast = contrast < steps.count;
    bool has_neighbors = a->blur_sigma > 0 || a->noise_sigma > 0 || a->jpeg_quality > 0;
    // Where no step needs the whole tile, row 0 of the planes, which stays in the cache, is every row.
    bool is_whole = has_contrast || has_neighbors;
    double gray = 0;
    for (int64_t y = 0; y < h; y++) {
        if (is_permuted)
            ck_permuted_row(m, y);
        else
            form->affine_row(m, a, d, y);
        if (is_whole || steps.count > 0)
            gray += form->pixel_row(m, is_whole ? y : 0, w, true, &steps, 0, contrast, has_contrast);
        if (is_whole)
            continue;
        if (steps.count > 0)
            form->pack_row(m, 0);
        write_row(&to, y);
    }
    if (!is_whole)
        return;
    if (has_contrast)
        steps.step[contrast].rest = (1 - steps.step[contrast].factor) * (float)(gray / ((double)h * (double)w));
    ck_jpeg_tables tables;
    if (a->jpeg_quality > 0)
        ck_fill_jpeg_tables(&tables, a->jpeg_quality);
    if (a->blur_sigma > 0 || a->noise_sigma > 0) {
        for (int64_t y = 0; has_contrast && y < h; y++)
            form->pixel_row(m, y, w, false, &steps, contrast, steps.count, false);
        has_contrast = false;
    }
    if (a->blur_sigma > 0)
        ck_blur_planes(m, d, a->blur_sigma, form);
    if (a->noise_sigma > 0)
        add_noise(m, d, a, form);
    // The steps that are left go through the planes once, in bands of the height of JPEG's blocks.
    for (int64_t top = 0; top < h; top += 8) {
        int64_t bottom = ck_min(h, top + 8);
        for (int64_t y = top; has_contrast && y < bottom; y++)
            form->pixel_row(m, y, w, false, &steps, contrast, steps.count, false);
        if (a->jpeg_quality > 0)
            form->compress_rows(m, d, top, &tables);
        for (int64_t y = top; y < bottom; y++) {
            form->pack_row(m, y);
            write_row(&to, y);
        }
    }
}
