/// Packed weights of convolutions in 16-bit fixed point.
#include "fixed/fixed_weights.h"

#include <float.h>

bool ck_fixed_has_transform(const ck_fixed_conv2d *d) {
    return d->kernel == 3 && d->stride == 1;
}

/// Rows of the largest kernel.
enum { MOST_ROWS = 9 };

static int64_t taps(const ck_fixed_conv2d *d) {
    return d->kernel * d->kernel;
}

/// The limit of the sum of the magnitudes of a filter's weights. Rounding adds a half for each weight.
static double most_weight(const ck_fixed_conv2d *d) {
    double most = 2147483647.0 / CK_FIXED_LARGEST / (ck_fixed_has_transform(d) ? 4 : 1);
    return most - 0.5 * (double)(d->c * taps(d)) - 1;
}

ck_status ck_fixed_check_filters(const ck_fixed_conv2d *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->c < 1 || d->k < 1 || d->c > INT16_MAX || d->k > INT16_MAX || d->kernel < 1 || d->kernel > MOST_ROWS ||
        d->kernel % 2 == 0 || d->stride < 1 || d->stride > INT16_MAX || most_weight(d) < 1)
        return CK_BAD_DIMENSION;
    bool are_scales = isfinite(d->input_scale) && d->input_scale > 0 && isfinite(d->output_scale) &&
                      d->output_scale >= 0 && isfinite(d->residual_scale) && d->residual_scale >= 0;
    bool can_pool = d->output_scale > 0 && d->residual_scale == 0;
    // The factor on the residual must be a float too.
    are_scales = are_scales && (d->output_scale == 0 || isfinite(d->residual_scale / d->output_scale));
    return are_scales && (can_pool || !d->max_pooling) ? CK_OK : CK_BAD_PARAMETER;
}

/// Number of filters, including those that pad the last block.
static int64_t padded_filters(const ck_fixed_conv2d *d) {
    return ck_round_up(d->k, CK_FIXED_BLOCK);
}

/// Pairs of weights of a block of filters, and of a transformed block; 0 if there is none.
static int64_t panel_size(const ck_fixed_conv2d *d) {
    return ck_ceil_div(d->c, 2) * taps(d) * CK_FIXED_BLOCK;
}

static int64_t transformed_panel_size(const ck_fixed_conv2d *d) {
    return ck_fixed_has_transform(d) ? ck_ceil_div(d->c, 2) * CK_FIXED_POINTS * CK_FIXED_BLOCK : 0;
}

ck_fixed_weights ck_fixed_lay_out_weights(const void *packed, const ck_fixed_conv2d *d) {
    const int64_t filters = padded_filters(d);
    ck_fixed_weights p = {.panel = panel_size(d), .transformed_panel = transformed_panel_size(d)};
    p.factor = (float *)packed;
    p.shift = p.factor + filters;
    p.panels = (int32_t *)(p.shift + filters);
    p.transformed = p.panels + filters / CK_FIXED_BLOCK * p.panel;
    return p;
}

size_t ck_fixed_conv2d_packed_bytes(const ck_fixed_conv2d *d) {
    if (ck_fixed_check_filters(d) != CK_OK)
        return 0;
    const int64_t blocks = padded_filters(d) / CK_FIXED_BLOCK;
    return sizeof(int32_t) * (size_t)(2 * padded_filters(d) + blocks * (panel_size(d) + transformed_panel_size(d)));
}

/// The step between two weights of a filter.
static double step_of(const float *w, const ck_fixed_conv2d *d) {
    double sum = 0, largest = 0;
    for (int64_t i = 0; i < d->c * taps(d); i++) {
        sum += fabs((double)w[i]);
        largest = fmax(largest, fabs((double)w[i]));
    }
    // A transformed weight is at most a sum of nine.
    double limit = ck_fixed_has_transform(d) ? INT16_MAX / 9 : INT16_MAX;
    return fmax(fmax(sum / most_weight(d), largest / limit), DBL_MIN);
}

/// G g G^T, four times Winograd's: [16] from [9].
static void transform_weights(int32_t *to, const int32_t *g) {
    int32_t half[4][3];
    for (int column = 0; column < 3; column++) {
        int32_t a = g[column], b = g[3 + column], c = g[6 + column];
        half[0][column] = 2 * a;
        half[1][column] = a + b + c;
        half[2][column] = a - b + c;
        half[3][column] = 2 * c;
    }
    for (int row = 0; row < 4; row++) {
        int32_t a = half[row][0], b = half[row][1], c = half[row][2];
        to[4 * row] = 2 * a;
        to[4 * row + 1] = a + b + c;
        to[4 * row + 2] = a - b + c;
        to[4 * row + 3] = 2 * c;
    }
}

/// Where the weight of filter k for channel c is, at a tap.
static int16_t *place_of(const ck_fixed_weights *p, const ck_fixed_conv2d *d, int64_t k, int64_t c, int64_t tap) {
    int32_t *pair =
        p->panels + k / CK_FIXED_BLOCK * p->panel + (c / 2 * taps(d) + tap) * CK_FIXED_BLOCK + k % CK_FIXED_BLOCK;
    return (int16_t *)pair + c % 2;
}

/// Where the transformed weight is, at a Winograd point.
static int16_t *transformed_place_of(const ck_fixed_weights *p, const ck_fixed_conv2d *d, int64_t k, int64_t c,
                                     int64_t point) {
    // Two groups alternate from one column of points to the next.
    const int64_t group = k % CK_FIXED_BLOCK / CK_FIXED_GROUP, row = point / 4, column = point % 4;
    const int64_t run = ((group / 2 * 4 + column) * 2 + group % 2) * ck_ceil_div(d->c, 2) + c / 2;
    int32_t *pair = p->transformed + k / CK_FIXED_BLOCK * p->transformed_panel + (run * 4 + row) * CK_FIXED_GROUP +
                    k % CK_FIXED_GROUP;
    return (int16_t *)pair + c % 2;
}

/// Writes the weights of filter k for channel c.
static void pack_channel(const ck_fixed_weights *p, const int32_t *w, const ck_fixed_conv2d *d, int64_t k, int64_t c) {
    for (int64_t i = 0; i < taps(d); i++)
        *place_of(p, d, k, c, i) = (int16_t)w[i];
    if (!ck_fixed_has_transform(d))
        return;
    int32_t points[CK_FIXED_POINTS];
    transform_weights(points, w);
    for (int64_t i = 0; i < CK_FIXED_POINTS; i++)
        *transformed_place_of(p, d, k, c, i) = (int16_t)points[i];
}

ck_status ck_fixed_conv2d_pack(void *packed, const float *w, const float *b, const ck_fixed_conv2d *d) {
    ck_status status = ck_fixed_check_filters(d);
    if (status != CK_OK)
        return status;
    if (!packed || !w)
        return CK_NULL_POINTER;
    for (int64_t i = 0; i < d->k * d->c * taps(d); i++)
        if (!isfinite(w[i]))
            return CK_BAD_PARAMETER;
    for (int64_t k = 0; b && k < d->k; k++)
        if (!isfinite(b[k]))
            return CK_BAD_PARAMETER;
    memset(packed, 0, ck_fixed_conv2d_packed_bytes(d));
    const ck_fixed_weights p = ck_fixed_lay_out_weights(packed, d);
    const double output_scale = d->output_scale > 0 ? (double)d->output_scale : 1;
    for (int64_t k = 0; k < d->k; k++, w += d->c * taps(d)) {
        double step = step_of(w, d);
        p.factor[k] = (float)(step * (double)d->input_scale / output_scale);
        p.shift[k] = b ? (float)((double)b[k] / output_scale) : 0;
        if (!isfinite(p.factor[k]) || !isfinite(p.shift[k]))
            return CK_BAD_PARAMETER;
        for (int64_t c = 0; c < d->c; c++) {
            int32_t rounded[MOST_ROWS * MOST_ROWS];
            for (int64_t i = 0; i < taps(d); i++)
                rounded[i] = (int32_t)lrint((double)w[c * taps(d) + i] / step);
            pack_channel(&p, rounded, d, k, c);
        }
    }
    return CK_OK;
}
