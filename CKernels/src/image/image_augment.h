/// Steps of ck_augment_windows (private). Planes are [3][H][pitch], in gray levels 0 to 255.
#ifndef IMAGE_AUGMENT_H
#define IMAGE_AUGMENT_H

#include "runtime/ck_internal.h"

/// A pixel: red in the lowest byte, then green and blue. The highest byte is unused.
typedef uint32_t ck_pixel;

enum { CK_BRIGHTNESS, CK_CONTRAST, CK_SATURATION, CK_HUE, CK_STAIN };
/// Largest blur radius: three times the largest standard deviation, 32.
enum { CK_BLUR_RADIUS = 96 };
/// Rows are padded to multiples of this, a whole number of vectors for every instruction set.
enum { CK_AUGMENT_LANES = 32 };

/// Padding after the source: pixels are read in pairs, as 8 bytes.
enum { CK_SOURCE_MARGIN = 8 };

/// Memory of one thread for tiles of one size.
typedef struct ck_augment_memory {
    /// W rounded up: the length of all rows below. Elements after W hold valid numbers or are never read.
    int64_t pitch;
    /// Floats in a plane.
    int64_t plane;
    /// [H + 2][W + 2][3] and CK_SOURCE_MARGIN bytes: the source with a border of white pixels.
    uint8_t *source;
    /// [pitch]: one row of the output of the geometric step.
    ck_pixel *row;
    /// offsets[pitch]: byte offset in the source of each pixel of a row. Permutations add rows[H] to it.
    uint32_t *offsets, *rows;
    /// [pitch]: fractional row position of each pixel, 0 to 1, and packed weights of its two columns.
    float *row_fractions;
    uint32_t *column_weights;
    /// [3][H][pitch].
    float *planes;
    /// [H][pitch]: one plane after horizontal blur.
    float *half;
    /// [pitch + 2 CK_BLUR_RADIUS]: one row with mirrored borders.
    float *padded;
    /// [3][8][pitch]: one row of JPEG blocks.
    float *blocks;
} ck_augment_memory;

/// Index `i` reflected into 0 ... count - 1, without repeating the ends.
static inline int64_t ck_mirror(int64_t i, int64_t count) {
    if (count == 1)
        return 0;
    int64_t period = 2 * (count - 1);
    i = i < 0 ? -i : i;
    // The division is slow and rarely needed.
    if (i >= period)
        i %= period;
    return i < count ? i : period - i;
}

/// True when the entries of an inverse affine map are in range.
bool ck_is_valid_inverse(const float inverse[6]);
/// True when the map only flips, turns and shifts by whole pixels.
bool ck_is_permutation(const float inverse[6]);
/// Copies a window into memory->source.
void ck_frame_source(const ck_augment_memory *memory, const uint8_t *window, const ck_windows *d);
/// Fills memory->offsets and memory->rows for ck_permuted_row.
void ck_permutation_tables(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d);
/// memory->row = row y of the tile after flips, quarter turns and shifts.
void ck_permuted_row(const ck_augment_memory *memory, int64_t y);

/// Stain and illumination as an affine map of densities log2(256 / (gray level + 1)).
typedef struct ck_stain_map {
    bool active;
    float matrix[3][3];
    float shift[3];
} ck_stain_map;

/// Steps that work on each pixel independently, in this order.
typedef struct ck_pixel_steps {
    ck_stain_map stain;
    int32_t count;
    struct {
        int32_t kind;
        /// Factor of brightness, contrast or saturation; for hue, the shift in sixths of a turn.
        float factor;
        /// Constant that the contrast step adds.
        float offset;
    } step[5];
} ck_pixel_steps;

/// Collects the steps with other than neutral numbers. Returns the index of the contrast step, or `count` without one.
int32_t ck_make_pixel_steps(ck_pixel_steps *steps, const ck_augmentation *a);

enum { CK_NORMAL_PAIRS = 64 };

/// Quantization steps of luma and chroma and their inverses, transposed: vertical frequency grows along a row.
typedef struct ck_jpeg_tables {
    float steps[2][64], inverses[2][64];
} ck_jpeg_tables;

/// Leaf functions for one instruction set. They process whole rows of `pitch` elements.
typedef struct ck_augment_variant {
    ck_isa isa;
    /// memory->row = row y of the resampled tile.
    void (*affine_row)(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y);
    /// Applies steps first ... last - 1 to memory->row, or to row y of the planes, and stores row y of the planes.
    /// Returns the sum of the first w gray levels of the result when sums_gray is set, else 0.
    double (*pixel_row)(const ck_augment_memory *memory, int64_t y, int64_t w, bool is_from_row,
                        const ck_pixel_steps *steps, int32_t first, int32_t last, bool sums_gray);
    /// memory->row = row y of the planes, rounded to bytes.
    void (*pack_row)(const ck_augment_memory *memory, int64_t y);
    /// out[w][3] = memory->row.
    void (*write_row)(uint8_t *out, const ck_augment_memory *memory, int64_t w);
    /// out[pitch] = weights[0] * before[0][x] + sum over i = 1 ... radius of weights[i] * (before[i][x] + after[i][x])
    void (*blur_row)(float *out, const float *const *before, const float *const *after, const float *weights,
                     int64_t radius, int64_t pitch);
    /// Adds `strength` times the difference of a row from the blurred one.
    void (*sharpen_row)(float *row, const float *blurred, int64_t pitch, float strength);
    /// row[pitch] += sigma * noise, clamped to 0 ... 255.
    void (*add_noise)(float *row, const float *noise, int64_t pitch, float sigma);
    /// JPEG round trip of rows y ... y + 7 of the planes, in place.
    void (*compress_rows)(const ck_augment_memory *memory, const ck_windows *d, int64_t y,
                          const ck_jpeg_tables *tables);
    /// out[2 * CK_NORMAL_PAIRS]: normal numbers from pair `first` of the seed's stream on.
    void (*normal_pairs)(float *out, int64_t first, uint64_t seed);
} ck_augment_variant;

/// Variants by instruction set. One that was not compiled has null functions.
extern const ck_augment_variant ck_augment_portable, ck_augment_avx2, ck_augment_avx512;

/// Selects the variant for the instruction set in use. When NUCLEI_ISA is invalid it selects the best one and returns
/// CK_BAD_PARAMETER.
ck_status ck_augment_choose(const ck_augment_variant **variant);

/// Augments one window in the memory of one thread. `next` is the thread's next window, for prefetching, or null.
void ck_augment_tile(uint8_t *out, const uint8_t *window, const uint8_t *next, const ck_augmentation *a,
                     const ck_windows *d, const ck_augment_memory *m, const ck_augment_variant *variant);
void ck_blur_planes(const ck_augment_memory *memory, const ck_windows *d, float sigma, float sharpening,
                    const ck_augment_variant *variant);
void ck_fill_jpeg_tables(ck_jpeg_tables *tables, int32_t quality);

/// out[count]: elements first ... of the seed's stream of independent N(0, 1) numbers. They are computed in blocks of
/// 128, so long requests are more efficient.
void ck_normal_numbers(float *out, int64_t first, int64_t count, uint64_t seed);

#endif
