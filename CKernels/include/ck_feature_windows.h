/// Windows of a shared feature map.
#ifndef CK_FEATURE_WINDOWS_H
#define CK_FEATURE_WINDOWS_H

#include "ck_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Position of a window in the feature map, and the indices of its borders in their strips.
typedef struct ck_feature_place {
    int64_t y, x;
    int64_t row, column, corner;
} ck_feature_place;

/// Overlapping windows of C x H x W features in one feature map. Windows share their inner part. The first and last
/// rows and columns of a window, its border, depend on the padding of convolutions and belong to the window alone. In
/// each pair or group of four below, leading borders come first, then trailing ones. A border without rows or columns
/// may be null.
typedef struct ck_feature_windows {
    int64_t n, c, h, w;
    /// The map may hold some channels only: first_channel ... first_channel + c - 1 of `channels`. Borders always hold
    /// all channels.
    int64_t first_channel, channels;
    /// Number of border rows and columns.
    int64_t border_rows[2], border_columns[2];
    /// [C][map_h][map_w]
    const float *map;
    int64_t map_h, map_w;
    /// [row strips][channels][border rows][map_w]: border rows, one strip for each row of windows.
    const float *rows[2];
    /// [channels][map_h][column strips][border columns]: border columns, one strip for each column of windows.
    const float *columns[2];
    /// [channels][border rows][corner strips][border columns]: upper left, upper right, lower left, lower right.
    const float *corners[4];
    int64_t column_strips, corner_strips;
    const ck_feature_place *places;
} ck_feature_windows;

/// Parts of windows: in rows first_row ... first_row + rows - 1, `segments` segments of `length` columns. Segments
/// start `step` columns apart, the first at first_column. Elements outside the window are `padding`.
typedef struct ck_patches {
    int64_t first_row, rows;
    int64_t first_column, segments, step, length;
    float padding;
} ck_patches;

/// y[N][C][rows][segments][length] or, side by side, y[C][rows][N][segments][length].
ck_status ck_gather_patches(float *y, const ck_feature_windows *f, const ck_patches *p, bool side_by_side);
/// Floats of scratch for ck_linear_windows_forward; 0 when the windows are invalid.
size_t ck_linear_windows_scratch(const ck_feature_windows *f, int64_t o);
/// y[N][O] = windows * w[O][channels * H * W] transposed + b[O]: ck_linear_forward of the gathered windows, except for
/// rounding. The result for a window does not depend on the other windows.
///
/// w covers all channels. y is overwritten when first_channel is 0 and accumulated into otherwise.
ck_status ck_linear_windows_forward(float *y, const ck_feature_windows *f, const float *w, const float *b, int64_t o,
                                    float *scratch, size_t scratch_count);

#ifdef __cplusplus
}
#endif

#endif
