/// Plans of direct convolution.
#include "conv2d/direct/conv2d_direct_plan.h"

/// Floats of a copied band, about: 128 KiB.
enum { BAND_FLOATS = 1 << 15 };
/// Output pixels of a band when weight gradients are summed: gy of a block of filters stays in the first-level cache.
enum { SUM_PIXELS = 1024 };
/// Floats that whole vectors may touch past the end of a gradient row or of unfinished outputs.
enum { SLACK = 32 };

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/// Cuts the output into bands of about `rows` rows and lays out a copied band.
static void cut_bands(ck_direct_plan *p, int64_t rows, const ck_direct_variant *variant) {
    const ck_direct_geometry *g = &p->geometry;
    ck_direct_tiling *tiling = &p->tiling;
    tiling->bands = ck_ceil_div(g->oh, ck_max(1, ck_min(rows, g->oh)));
    // Whole blocks of vectors, and with pooling pairs of rows.
    int64_t multiple = variant->p / common_divisor(variant->p, ck_ceil_div(g->ow, variant->lanes));
    if (tiling->is_pooled && multiple % 2)
        multiple *= 2;
    tiling->rows = ck_min(g->oh, ck_round_up(ck_ceil_div(g->oh, tiling->bands), multiple));
    tiling->bands = ck_ceil_div(g->oh, tiling->rows);
    ck_direct_band *band = &p->band;
    band->row_step = ck_min(g->stride_h, g->r);
    band->column_step = ck_min(g->stride_w, g->s);
    band->pitch = g->ow + (g->s - 1) / g->stride_w;
    band->row = band->pitch * band->column_step;
    // An odd number of cache lines between planes, so that the planes of a band do not compete for few cache sets.
    int64_t used = ((tiling->rows - 1) * band->row_step + g->r) * band->row + variant->lanes;
    band->plane = (ck_ceil_div(used, CK_LINE) | 1) * CK_LINE;
}

static int32_t tap_offset(const ck_direct_plan *p, int64_t r, int64_t s) {
    int64_t stride = p->geometry.stride_w;
    return (int32_t)(r * p->band.row + s % stride * p->band.pitch + s / stride);
}

int64_t ck_direct_lay_out_panels(ck_direct_plan *p, const ck_direct_variant *variant) {
    int64_t total = 0;
    for (int64_t i = 0; i < p->parts; i++) {
        p->part[i].panels = total;
        p->part[i].panel = variant->k * (1 + p->geometry.c * p->part[i].taps);
        total += ck_round_up(ck_ceil_div(p->geometry.k, variant->k) * p->part[i].panel, CK_LINE);
    }
    return total;
}

static int64_t rows_of_band(const ck_direct_geometry *g) {
    int64_t row = g->c * (g->ow + g->s) * ck_min(g->stride_w, g->s) * ck_min(g->stride_h, g->r);
    return ck_max(ck_max(1, g->r - 1), BAND_FLOATS / row);
}

/// Floats for a row of a gradient that is propagated through the epilogue.
static int64_t row_buffer(const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    return epilogue->relu || epilogue->pooling != CK_POOLING_NONE ? ck_round_up(g->ow, CK_LINE) + SLACK : 0;
}

/// A forward plan with about `rows` rows in a band, or as many as fit the cache if it is 0.
static void plan_rows(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                      const ck_direct_variant *variant, int64_t rows) {
    *p = (ck_direct_plan){
        .geometry = {.c = g->c,
                     .h = g->h,
                     .w = g->w,
                     .k = g->k,
                     .r = g->r,
                     .s = g->s,
                     .stride_h = g->stride_h,
                     .stride_w = g->stride_w,
                     .top = -g->pad_h,
                     .left = -g->pad_w,
                     .oh = g->oh,
                     .ow = g->ow},
        .output = {.plane = g->oh * g->ow, .row = g->ow, .rows = g->oh, .parts = 1},
        .tiling = {.is_pooled = epilogue->pooling != CK_POOLING_NONE},
        .parts = 1,
        .part = {{.oh = g->oh, .ow = g->ow, .taps = g->r * g->s}},
    };
    cut_bands(p, rows > 0 ? rows : rows_of_band(&p->geometry), variant);
    if (p->tiling.is_pooled)
        p->buffers.unfinished = ck_round_up(g->k * p->tiling.rows * g->ow + SLACK, CK_LINE);
    for (int64_t t = 0; t < g->r * g->s; t++) {
        p->tap_index[t] = (int32_t)t;
        p->tap_offset[t] = tap_offset(p, t / g->s, t % g->s);
    }
}

void ck_direct_plan_forward(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                            const ck_direct_variant *variant) {
    plan_rows(p, g, epilogue, variant, 0);
}

void ck_direct_plan_backward_weight(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                                    const ck_direct_variant *variant) {
    static const ck_conv2d_epilogue none;
    plan_rows(p, g, &none, variant, ck_max(1, SUM_PIXELS / ck_round_up(g->ow, variant->lanes)));
    p->buffers.row = row_buffer(g, epilogue);
}

/// The row of gy, minus i, that row i * stride + y of gx reads through tap r; false if it reads none.
static bool gradient_shift(int64_t *shift, int64_t y, int64_t pad, int64_t r, int64_t stride) {
    int64_t distance = y + pad - r;
    *shift = distance / stride;
    return distance % stride == 0;
}

/// The smallest shift over all parts, and the number of different shifts.
static void gradient_window(int64_t *first, int64_t *count, int64_t pad, int64_t r, int64_t stride) {
    int64_t low = INT64_MAX, high = INT64_MIN, shift;
    for (int64_t y = 0; y < stride; y++)
        for (int64_t tap = 0; tap < r; tap++)
            if (gradient_shift(&shift, y, pad, tap, stride)) {
                low = ck_min(low, shift);
                high = ck_max(high, shift);
            }
    *first = low;
    *count = high - low + 1;
}

/// Adds the part of the pixels (i * stride_h + y, j * stride_w + x) and its taps, from `tap` on; returns the next tap.
static int64_t add_part(ck_direct_plan *p, const ck_geometry *g, int64_t y, int64_t x, int64_t tap) {
    ck_direct_part *part = &p->part[p->parts++];
    *part = (ck_direct_part){
        .oh = ck_ceil_div(g->h - y, g->stride_h),
        .ow = ck_ceil_div(g->w - x, g->stride_w),
        .first_tap = tap,
    };
    for (int64_t r = 0; r < g->r; r++)
        for (int64_t s = 0; s < g->s; s++) {
            int64_t down, right;
            if (!gradient_shift(&down, y, g->pad_h, r, g->stride_h) ||
                !gradient_shift(&right, x, g->pad_w, s, g->stride_w))
                continue;
            p->tap_index[tap] = (int32_t)(r * g->s + s);
            p->tap_offset[tap++] = tap_offset(p, down - p->geometry.top, right - p->geometry.left);
        }
    part->taps = tap - part->first_tap;
    return tap;
}

void ck_direct_plan_backward_data(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                                  const ck_direct_variant *variant) {
    *p = (ck_direct_plan){
        .geometry = {.c = g->k,
                     .h = g->oh,
                     .w = g->ow,
                     .k = g->c,
                     .stride_h = 1,
                     .stride_w = 1,
                     .oh = ck_ceil_div(g->h, g->stride_h),
                     .ow = ck_ceil_div(g->w, g->stride_w)},
        .output = {.plane = g->h * g->w, .row = g->w, .rows = g->h, .parts = g->stride_w},
    };
    ck_direct_geometry *plan = &p->geometry;
    gradient_window(&plan->top, &plan->r, g->pad_h, g->r, g->stride_h);
    gradient_window(&plan->left, &plan->s, g->pad_w, g->s, g->stride_w);
    cut_bands(p, rows_of_band(plan), variant);
    int64_t tap = 0;
    for (int64_t y = 0; y < g->stride_h; y++)
        for (int64_t x = 0; x < g->stride_w; x++)
            tap = add_part(p, g, y, x, tap);
    p->buffers.row = row_buffer(g, epilogue);
    if (p->parts > 1)
        p->buffers.unfinished = ck_round_up(p->parts * plan->k * p->tiling.rows * plan->ow, CK_LINE);
}
