/// Kernels on 8-bit RGB pixels: normalization, densities of stain, histograms, augmentation, erasing.
#ifndef CK_IMAGES_H
#define CK_IMAGES_H

#include "ck_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// Pixels (image/image_normalize.c, image/image_stain.c)

/// N windows of H x W interleaved 8-bit RGB pixels in one buffer. Window n starts offsets[n] bytes after base; its rows
/// are row_stride bytes apart, at least 3 W.
typedef struct ck_windows {
    int64_t n, h, w;
    int64_t row_stride;
} ck_windows;

/// planes[N][3][H][W] = (byte / 255 - mean[c] / 255) / (deviation[c] / 255).
/// mean, deviation: in gray levels, 0 to 255.
ck_status ck_normalize_windows(float *planes, const uint8_t *base, const int64_t *offsets, const float mean[3],
                               const float deviation[3], const ck_windows *d);
/// density[N][H][W]: density of a stain. The density of a pixel is the sum over the channels of tables[256 c + byte];
/// this is the mean over the pixels of the window in the 3 x 3 square around each one. density may not overlap the
/// pixels.
ck_status ck_stain_density(float *density, const uint8_t *base, const int64_t *offsets, const float tables[768],
                           const ck_windows *d);
/// densities[count] of the pixels of a row, without a mean. See ck_stain_density for the tables. Several threads may
/// call this at a time.
ck_status ck_stain_row(float *densities, const uint8_t *pixels, const float tables[768], int64_t count);
/// sums[i] = weights[0] rows[radius][i] + the sum of weights[d] (rows[radius - d][i] + rows[radius + d][i]) for d from
/// 1 to radius. `sums` may not overlap the rows, which may overlap each other. Several threads may call this at a time.
ck_status ck_smooth_rows(float *sums, const float *const *rows, const float *weights, int64_t radius, int64_t count);
/// Multiplies the odds of probabilities[count] by factors[floor(steps d)], where d is the density, limited to 0 ...
/// 0.999999. factors: finite, above 0. steps: at most 65,536. Several threads may call this at a time.
ck_status ck_weigh_odds(float *probabilities, const float *densities, const float *factors, int64_t steps,
                        int64_t count);
/// counts[3][256]: number of occurrences of each byte value in each channel, over all windows.
ck_status ck_channel_histograms(uint64_t *counts, const uint8_t *base, const int64_t *offsets, const ck_windows *d);

// Augmentation (image/image_augment*.c, image/image_move_map.c)

/// Augmentation of one tile. Steps are applied in the order of the fields. All numbers are already drawn; a step with
/// neutral numbers is skipped, so a tile without steps is copied unchanged.
///
/// The geometric step gives bytes. Later steps work on float gray levels, clamped to 0 ... 255 after each step except
/// blur, and rounded at the end. AVX2 and AVX-512 give the same bytes; without FMA, results round differently.
typedef struct ck_augmentation {
    /// Inverse affine map with bilinear interpolation: output pixel (x, y) samples the source at
    ///   (inverse[0] x + inverse[1] y + inverse[2], inverse[3] x + inverse[4] y + inverse[5])
    /// where pixel centers have integer coordinates. Flips, quarter turns and shifts by whole pixels are exact.
    /// Magnitudes: at most 2^20 for entries 2 and 5, 1024 for the others.
    float inverse[6];
    /// true: the source is white outside its edges. false: it is mirrored without repeating the outermost pixels.
    bool white_border;
    /// Factors (0 to 16) and offsets (at most 4 in magnitude, in units of optical density) of the amounts of
    /// hematoxylin, eosin and residual. Optical density is -log10((level + 1) / 256).
    float stain_scale[3], stain_shift[3];
    /// Optical densities of hematoxylin and of eosin for red, green and blue, of any length: finite and not parallel.
    /// The residual is their cross product.
    double hematoxylin[3], eosin[3];
    /// Factors of the transmitted light for red, green and blue, 1/64 to 64.
    float illumination[3];
    /// As torchvision's adjust_brightness, _contrast, _saturation (factors, 0 to 16) and _hue (-0.5 to 0.5).
    float brightness, contrast, saturation, hue;
    /// Order of these four: a permutation of 0 brightness, 1 contrast, 2 saturation, 3 hue.
    uint8_t color_order[4];
    /// Standard deviation of a Gaussian blur in pixels, 0 to 32. The kernel is cut at three standard deviations,
    /// rounded up to whole pixels; borders are mirrored.
    float blur_sigma;
    /// 0: the result is the blurred tile. Else, up to 8: the tile plus this many times its difference from the blurred
    /// one (an unsharp mask).
    float sharpening;
    /// Standard deviation of Gaussian noise in gray levels, 0 to 255. Element i of [3][H][W] uses number i of the
    /// seed's stream.
    float noise_sigma;
    uint64_t noise_seed;
    /// JPEG compression at this quality, 1 to 100, without chroma subsampling; 0: none. Quantization tables are those
    /// of the standard, scaled as in libjpeg; blocks that extend over the edge repeat the last row and column.
    int32_t jpeg_quality;
} ck_augmentation;

/// Floats of scratch for ck_augment_windows; 0 when an argument is invalid.
size_t ck_augment_scratch(const ck_windows *d, int32_t threads);
/// pixels[N][H][W][3]: window n with augmentations[n] applied. Windows have at most 2^15 pixels a side.
/// Uses `threads` threads, 1 ... 256, independent of ck_set_thread_count. A second thread may call it while other
/// kernels run.
ck_status ck_augment_windows(uint8_t *pixels, const uint8_t *base, const int64_t *offsets,
                             const ck_augmentation *augmentations, const ck_windows *d, int32_t threads, float *scratch,
                             size_t scratch_count);

/// map[H][W]: source[H][W] after the geometric step of an augmentation, one byte per pixel, such as its class.
/// `inverse` and `white_border` are those of ck_augmentation, but each pixel is the nearest one of the source. With a
/// white border, pixels outside the source become `outside`. map and source must not overlap; sides have at most 2^15
/// pixels. Several threads may call this at a time.
ck_status ck_move_map(uint8_t *map, const uint8_t *source, const float inverse[6], bool white_border, uint8_t outside,
                      int64_t h, int64_t w);

// Erasing (image/image_erase.c)

/// Rectangle of a tile to overwrite; it may be empty.
typedef struct ck_erasure {
    int64_t x, y, width, height;
    /// true: independent numbers of N(0, 1), element i of [3][H][W] with number i of the seed's stream. false: zeros.
    bool noise;
    uint64_t seed;
} ck_erasure;

/// Overwrites rectangle erasures[n] in each channel of planes[N][3][H][W]. CK_BAD_PARAMETER when a rectangle exceeds
/// its tile; nothing is written then.
ck_status ck_erase(float *planes, const ck_erasure *erasures, int64_t n, int64_t h, int64_t w);

#ifdef __cplusplus
}
#endif

#endif
