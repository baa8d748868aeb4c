/// The steps of ck_augment_windows; not part of the contract. Planes are [3][H][W], in grey levels 0 to 255.
#ifndef IMAGE_AUGMENT_H
#define IMAGE_AUGMENT_H

#include "ck_internal.h"

/// A pixel in a word: red in the lowest byte, then green and blue; the highest byte means nothing.
typedef uint32_t ck_pixel;
#define CK_WHITE ((ck_pixel)0xFFFFFF)

enum { CK_BRIGHTNESS, CK_CONTRAST, CK_SATURATION, CK_HUE };
/// A Gaussian is cut at three deviations, of which 32 is the largest.
enum { CK_BLUR_RADIUS = 96 };

/// Memory of one thread for tiles of one size.
typedef struct ck_augment_memory {
    /// [H + 2][W + 2]: the source in a frame of white pixels.
    ck_pixel *source;
    /// [W]: one row of the output of the geometry.
    ck_pixel *row;
    /// [W] and [max(H, W)]: where in the source a row's pixels lie.
    int32_t *columns, *rows;
    float *column_parts, *row_parts;
    float *planes;
    /// [H][W]: one plane, half blurred.
    float *half;
    /// [W + 2 CK_BLUR_RADIUS]: one row with its mirrored borders.
    float *padded;
    /// [3][8][W rounded up to 8]: one row of blocks.
    float *blocks;
} ck_augment_memory;

static inline float ck_clamp(float value, float low, float high) {
    value = value > low ? value : low;
    return value < high ? value : high;
}

/// The index that `i` means when indices 0 ... count - 1 go on mirrored on both sides.
static inline int64_t ck_mirror(int64_t i, int64_t count) {
    if (count == 1)
        return 0;
    int64_t period = 2 * (count - 1);
    i = (i % period + period) % period;
    return i < count ? i : period - i;
}

/// Whether the geometry only moves whole pixels.
bool ck_is_permutation(const float inverse[6]);
/// Copies a window into memory->source, for ck_affine_row.
void ck_frame_source(const ck_augment_memory *memory, const uint8_t *window, const ck_windows *d);
/// memory->row = row y of the resampled tile.
void ck_affine_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y);
/// Fills memory->columns and memory->rows for ck_permuted_row.
void ck_permutation_tables(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d);
/// memory->row = row y of the tile after flips, quarter turns and shifts.
void ck_permuted_row(const ck_augment_memory *memory, const ck_augmentation *a, const uint8_t *window,
                     const ck_windows *d, int64_t y);

/// Stain and illumination, as a map of densities log2(256 / (grey level + 1)).
typedef struct ck_stain_map {
    bool active;
    float matrix[3][3];
    float shift[3];
} ck_stain_map;

ck_stain_map ck_make_stain_map(const ck_augmentation *a);
/// density[256] of the byte values.
void ck_density_table(float *density);
/// One row of the planes, from pixels; `density` is looked up where the stain map is active.
void ck_stain_row(float *r, float *g, float *b, const ck_pixel *row, int64_t w, const ck_stain_map *map,
                  const float *density);
bool ck_changes_colour(const ck_augmentation *a);
/// The steps of the colour jitter before the contrast on one row, and the sum of its grey levels then.
double ck_colour_row_before_contrast(float *r, float *g, float *b, int64_t w, const ck_augmentation *a);
/// The contrast and the steps after it; `mean` is that of the whole tile's grey levels.
void ck_colour_row_from_contrast(float *r, float *g, float *b, int64_t w, const ck_augmentation *a, float mean);

void ck_blur_planes(const ck_augment_memory *memory, const ck_windows *d, float sigma);
void ck_jpeg_planes(const ck_augment_memory *memory, const ck_windows *d, int32_t quality);

#endif
