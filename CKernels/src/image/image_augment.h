/// The steps of ck_augment_windows; not part of the contract. Planes are [3][H][pitch], in gray levels 0 to 255.
#ifndef IMAGE_AUGMENT_H
#define IMAGE_AUGMENT_H

#include "runtime/ck_internal.h"

/// A pixel in a word: red in the lowest byte, then green and blue; the highest byte means nothing.
typedef uint32_t ck_pixel;

enum { CK_BRIGHTNESS, CK_CONTRAST, CK_SATURATION, CK_HUE, CK_STAIN };
/// A Gaussian is cut at three deviations, of which 32 is the largest.
enum { CK_BLUR_RADIUS = 96 };
/// Rows in memory are filled up to multiples of this, so that every instruction set works on whole vectors.
enum { CK_AUGMENT_LANES = 32 };

/// Pixels are read in pairs of 8 bytes.
enum { CK_SOURCE_MARGIN = 8 };

/// Memory of one thread for tiles of one size.
typedef struct ck_augment_memory {
    /// W rounded up: the length of all rows below. What is beyond W is made of the tile's pixels or never read.
    int64_t pitch;
    /// Floats of a plane.
    int64_t plane;
    /// [H + 2][W + 2][3] and CK_SOURCE_MARGIN: the source in a frame of white pixels.
    uint8_t *source;
    /// One row of the output of the geometry.
    ck_pixel *row;
    /// Where in the source, in bytes, the pixels of a row lie (for permutations: less rows[y]), and [H].
    uint32_t *offsets, *rows;
    /// How far the pixels of a row lie from there towards the next row, 0 to 1, and the weights of both columns.
    float *row_parts;
    uint32_t *column_weights;
    float *planes;
    /// [H][pitch]: one plane, half blurred.
    float *half;
    /// [pitch + 2 CK_BLUR_RADIUS]: one row with its mirrored borders.
    float *padded;
    /// [3][8][pitch]: one row of blocks.
    float *blocks;
} ck_augment_memory;

/// The index that `i` means when indices 0 ... count - 1 go on mirrored on both sides.
static inline int64_t ck_mirror(int64_t i, int64_t count) {
    if (count == 1)
        return 0;
    int64_t period = 2 * (count - 1);
    i = i < 0 ? -i : i;
    // Divisions would take longer than all else.
    if (i >= period)
        i %= period;
    return i < count ? i : period - i;
}

/// Whether the geometry only moves whole pixels.
bool ck_is_permutation(const float inverse[6]);
/// Copies a window into memory->source.
void ck_frame_source(const ck_augment_memory *memory, const uint8_t *window, const ck_windows *d);
/// Fills memory->offsets and memory->rows for ck_permuted_row.
void ck_permutation_tables(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d);
/// memory->row = row y of the tile after flips, quarter turns and shifts.
void ck_permuted_row(const ck_augment_memory *memory, int64_t y);

/// Stain and illumination, as a map of densities log2(256 / (gray level + 1)).
typedef struct ck_stain_map {
    bool active;
    float matrix[3][3];
    float shift[3];
} ck_stain_map;

/// What happens to each pixel by itself, in this order.
typedef struct ck_pixel_steps {
    ck_stain_map stain;
    int32_t count;
    struct {
        int32_t kind;
        /// Of brightness, contrast or saturation, or the shift of the hue in sixths of the circle.
        float factor;
        /// What the contrast adds.
        float rest;
    } step[5];
} ck_pixel_steps;

/// All steps that change something. Returns the place of the contrast among them, `count` when it is not.
int32_t ck_make_pixel_steps(ck_pixel_steps *steps, const ck_augmentation *a);

enum { CK_NORMAL_PAIRS = 64 };

/// Quantization steps of luma and chroma, and one over them, columns of growing vertical frequency.
typedef struct ck_jpeg_tables {
    float steps[2][64], inverses[2][64];
} ck_jpeg_tables;

/// Leaf functions for one instruction set. Rows are worked on as far as their pitch.
typedef struct ck_augment_form {
    ck_isa isa;
    /// memory->row = row y of the resampled tile.
    void (*affine_row)(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y);
    /// Row y of the planes = what the steps first ... last - 1 make of memory->row, or else of itself. Returns the sum
    /// of the first w gray levels that come out, when asked to.
    double (*pixel_row)(const ck_augment_memory *memory, int64_t y, int64_t w, bool is_from_row,
                        const ck_pixel_steps *steps, int32_t first, int32_t last, bool sums_gray);
    /// memory->row = row y of the planes, rounded.
    void (*pack_row)(const ck_augment_memory *memory, int64_t y);
    /// out[w][3] = memory->row.
    void (*write_row)(uint8_t *out, const ck_augment_memory *memory, int64_t w);
    /// out[pitch] = weights[0] * before[0][x] + sum over i = 1 ... radius of weights[i] * (before[i][x] + after[i][x])
    void (*blur_row)(float *out, const float *const *before, const float *const *after, const float *weights,
                     int64_t radius, int64_t pitch);
    /// row[pitch] += sigma * noise, held between 0 and 255.
    void (*add_noise)(float *row, const float *noise, int64_t pitch, float sigma);
    /// What JPEG leaves of the 8 rows of the planes from y on.
    void (*compress_rows)(const ck_augment_memory *memory, const ck_windows *d, int64_t y,
                          const ck_jpeg_tables *tables);
    /// out[2 * CK_NORMAL_PAIRS]: the normal numbers that pairs `first` ... of the seed's stream are.
    void (*normal_pairs)(float *out, int64_t first, uint64_t seed);
} ck_augment_form;

/// The form for each instruction set; without functions where it was not compiled.
extern const ck_augment_form ck_augment_portable, ck_augment_avx2, ck_augment_avx512;

/// CK_BAD_PARAMETER, and still a form, when the environment asks for one that is not there.
ck_status ck_augment_choose(const ck_augment_form **form);

/// Augments one window with memory of its own. `next` is the window that is to come after it, or null.
void ck_augment_tile(uint8_t *out, const uint8_t *window, const uint8_t *next, const ck_augmentation *a,
                     const ck_windows *d, const ck_augment_memory *m, const ck_augment_form *form);
void ck_blur_planes(const ck_augment_memory *memory, const ck_windows *d, float sigma, const ck_augment_form *form);
void ck_fill_jpeg_tables(ck_jpeg_tables *tables, int32_t quality);

#endif
