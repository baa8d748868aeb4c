/// Direct convolution: plans, packed weights and the loops over threads. The arithmetic is in conv2d_direct_tile.h.
///
/// A band of output rows is one piece of work. The rows that it reads are copied with their zero borders into scratch
/// memory that stays in the second-level cache, so that the inner loops know neither borders nor strides: a tap is an
/// offset. The data gradient is a correlation too, of gy with the filters turned round; with strides it falls into one
/// for each pixel of a stride, which share the copied band.
#include "conv2d/ck_conv2d.h"

/// Floats of a copied band, about: 128 KiB.
enum { BAND_FLOATS = 1 << 15 };
/// Output pixels of a band when weight gradients are summed: gy of a block of filters stays in the first-level cache.
enum { SUM_PIXELS = 1024 };
/// Weight gradients of pieces of the batch are summed apart, in this many groups at most, then reduced in order.
enum { SUM_GROUPS = 16 };
/// Scratch is cut at multiples of a cache line.
enum { LINE = 16 };

bool ck_direct_serves(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t parts = pass == CK_BACKWARD_DATA ? g->stride_h * g->stride_w : 1;
    // Offsets in a band are 32 bits wide.
    bool small = g->w + 2 * g->pad_w < 1 << 20 && g->ow < 1 << 20 && g->r * g->s <= CK_DIRECT_TAPS;
    return small && parts <= CK_DIRECT_PARTS;
}

static int64_t common_divisor(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/// Lays out a copied band of `rows` output rows.
static void cut_bands(ck_direct_plan *p, int64_t rows, const ck_direct_variant *variant) {
    p->bands = ck_ceil_div(p->oh, ck_max(1, ck_min(rows, p->oh)));
    // Whole blocks of vectors, and pairs of rows where they are pooled.
    int64_t multiple = variant->p / common_divisor(variant->p, ck_ceil_div(p->ow, variant->lanes));
    if (p->is_pooled && multiple % 2)
        multiple *= 2;
    p->rows = ck_min(p->oh, ck_round_up(ck_ceil_div(p->oh, p->bands), multiple));
    p->bands = ck_ceil_div(p->oh, p->rows);
    p->row_step = ck_min(p->stride_h, p->r);
    p->column_step = ck_min(p->stride_w, p->s);
    p->pitch = p->ow + (p->s - 1) / p->stride_w;
    p->row = p->pitch * p->column_step;
    // An odd number of cache lines from plane to plane, or the planes of a band would compete for few cache sets.
    int64_t used = ((p->rows - 1) * p->row_step + p->r) * p->row + variant->lanes;
    p->plane = (ck_ceil_div(used, LINE) | 1) * LINE;
}

static int32_t tap_offset(const ck_direct_plan *p, int64_t r, int64_t s) {
    return (int32_t)(r * p->row + s % p->stride_w * p->pitch + s / p->stride_w);
}

/// Packed weights of all parts follow each other; returns their floats.
static int64_t lay_out_panels(ck_direct_plan *p, const ck_direct_variant *variant) {
    int64_t total = 0;
    for (int64_t i = 0; i < p->parts; i++) {
        p->part[i].panels = total;
        p->part[i].panel = variant->k * (1 + p->c * p->part[i].taps);
        total += ck_round_up(ck_ceil_div(p->k, variant->k) * p->part[i].panel, LINE);
    }
    return total;
}

static int64_t rows_of_band(const ck_direct_plan *p) {
    int64_t row = p->c * (p->ow + p->s) * ck_min(p->stride_w, p->s) * ck_min(p->stride_h, p->r);
    return ck_max(ck_max(1, p->r - 1), BAND_FLOATS / row);
}

/// Floats behind the rows of a gradient and behind unfinished outputs that whole vectors may touch.
enum { SLACK = 32 };

static int64_t row_buffer(const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    return epilogue->relu || epilogue->pooling != CK_POOLING_NONE ? ck_round_up(g->ow, LINE) + SLACK : 0;
}

static void plan_forward(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                         const ck_direct_variant *variant, int64_t rows) {
    *p = (ck_direct_plan){
        .c = g->c,
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
        .ow = g->ow,
        .out_plane = g->oh * g->ow,
        .out_row = g->ow,
        .out_rows = g->oh,
        .out_step = 1,
        .is_pooled = epilogue->pooling != CK_POOLING_NONE,
        .parts = 1,
    };
    p->part[0] = (ck_direct_part){.oh = g->oh, .ow = g->ow, .taps = g->r * g->s};
    cut_bands(p, rows > 0 ? rows : rows_of_band(p), variant);
    p->unfinished = p->is_pooled ? ck_round_up(p->k * p->rows * p->ow + SLACK, LINE) : 0;
    for (int64_t t = 0; t < g->r * g->s; t++) {
        p->tap_index[t] = (int32_t)t;
        p->tap_offset[t] = tap_offset(p, t / g->s, t % g->s);
    }
}

/// The row of gy, less i, that row i * stride + y of gx takes through tap r; false when it takes none.
static bool gradient_shift(int64_t *shift, int64_t y, int64_t pad, int64_t r, int64_t stride) {
    int64_t distance = y + pad - r;
    *shift = distance / stride;
    return distance % stride == 0;
}

/// The smallest and largest shifts over all parts.
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

static void plan_backward_data(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                               const ck_direct_variant *variant) {
    *p = (ck_direct_plan){
        .c = g->k,
        .h = g->oh,
        .w = g->ow,
        .k = g->c,
        .stride_h = 1,
        .stride_w = 1,
        .oh = ck_ceil_div(g->h, g->stride_h),
        .ow = ck_ceil_div(g->w, g->stride_w),
        .out_plane = g->h * g->w,
        .out_row = g->w,
        .out_rows = g->h,
        .out_step = g->stride_w,
    };
    gradient_window(&p->top, &p->r, g->pad_h, g->r, g->stride_h);
    gradient_window(&p->left, &p->s, g->pad_w, g->s, g->stride_w);
    cut_bands(p, rows_of_band(p), variant);
    int64_t tap = 0;
    for (int64_t y = 0; y < g->stride_h; y++)
        for (int64_t x = 0; x < g->stride_w; x++) {
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
                    p->tap_offset[tap++] = tap_offset(p, down - p->top, right - p->left);
                }
            part->taps = tap - part->first_tap;
        }
    p->row_buffer = row_buffer(g, epilogue);
    p->unfinished = p->parts > 1 ? ck_round_up(p->parts * p->k * p->rows * p->ow, LINE) : 0;
}

/// panels[part][block of filters][1 + C * taps][variant->k]: biases, then weights; zeros for filters that do not exist.
/// `w` has its element of filter k, channel c and tap t at k * of_k + c * of_c + t.
static void pack_weights(float *panels, const float *w, const float *b, const ck_direct_plan *p,
                         const ck_direct_variant *variant, int64_t of_k, int64_t of_c) {
    int64_t blocks = ck_ceil_div(p->k, variant->k), block = variant->k;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t i = 0; i < p->parts; i++)
        for (int64_t index = 0; index < blocks; index++) {
            const ck_direct_part *part = &p->part[i];
            float *out = panels + part->panels + index * part->panel;
            int64_t first = index * block, filters = ck_min(block, p->k - first);
            for (int64_t k = 0; k < block; k++)
                *out++ = b && k < filters ? b[first + k] : 0;
            for (int64_t c = 0; c < p->c; c++)
                for (int64_t t = 0; t < part->taps; t++, out += block) {
                    const float *in = w + first * of_k + c * of_c + p->tap_index[part->first_tap + t];
                    for (int64_t k = 0; k < filters; k++)
                        out[k] = in[k * of_k];
                    for (int64_t k = filters; k < block; k++)
                        out[k] = 0;
                }
        }
}

/// Floats of a thread's band, and of what stands behind it.
static int64_t band_floats(const ck_direct_plan *p) {
    return p->c * p->plane + p->row_buffer + p->unfinished;
}

/// The same, and the block of gy's filters behind it.
static int64_t sum_floats(const ck_direct_plan *p, const ck_direct_variant *variant) {
    return band_floats(p) + p->rows * ck_round_up(p->ow, variant->lanes) * variant->k;
}

/// Floats of a group's sums for one block of filters: variant->k * variant->p for each block of taps, then their
/// biases.
static int64_t block_sums(const ck_direct_plan *p, const ck_direct_variant *variant) {
    int64_t pairs = ck_round_up(variant->k * variant->p, variant->lanes);
    return ck_ceil_div(p->c * p->part[0].taps, variant->p) * pairs + ck_round_up(variant->k, variant->lanes);
}

static int64_t sum_groups(const ck_direct_plan *p, const ck_geometry *g) {
    return ck_min(SUM_GROUPS, g->n * p->bands);
}

static void plan_sums(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                      const ck_direct_variant *variant) {
    static const ck_conv2d_epilogue none;
    plan_forward(p, g, &none, variant, ck_max(1, SUM_PIXELS / ck_round_up(g->ow, variant->lanes)));
    p->row_buffer = row_buffer(g, epilogue);
}

static float *align(float *scratch) {
    return (float *)(((uintptr_t)scratch + 4 * LINE - 1) / (4 * LINE) * (4 * LINE));
}

size_t ck_direct_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass,
                         const ck_direct_variant *variant) {
    ck_direct_plan p;
    int64_t shared, each;
    if (pass == CK_BACKWARD_WEIGHT) {
        plan_sums(&p, g, epilogue, variant);
        shared = sum_groups(&p, g) * ck_ceil_div(p.k, variant->k) * block_sums(&p, variant);
        each = sum_floats(&p, variant);
    } else {
        if (pass == CK_FORWARD)
            plan_forward(&p, g, epilogue, variant, 0);
        else
            plan_backward_data(&p, g, epilogue, variant);
        shared = lay_out_panels(&p, variant);
        each = band_floats(&p);
    }
    return (size_t)(LINE + ck_round_up(shared, LINE) + omp_get_max_threads() * ck_round_up(each, LINE));
}

void ck_direct_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch) {
    ck_direct_plan p;
    plan_forward(&p, g, epilogue, variant, 0);
    float *panels = align(scratch), *bands = panels + lay_out_panels(&p, variant);
    pack_weights(panels, w, b, &p, variant, g->crs, g->r * g->s);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t band = 0; band < p.bands; band++) {
            ck_outputs out = ck_output_planes(y, n, g, epilogue);
            ck_planes in = ck_input_planes(x, n, g);
            variant->correlate(&p, &out, &in, panels, band * p.rows,
                               bands + omp_get_thread_num() * ck_round_up(band_floats(&p), LINE));
        }
}

void ck_direct_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch) {
    ck_direct_plan p;
    plan_backward_data(&p, g, epilogue, variant);
    float *panels = align(scratch), *bands = panels + lay_out_panels(&p, variant);
    pack_weights(panels, w, NULL, &p, variant, g->r * g->s, g->crs);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t band = 0; band < p.bands; band++) {
            ck_outputs out = {.values = gx + n * g->c * g->h * g->w};
            ck_planes in = ck_gradient_planes(gy, n, g, epilogue);
            variant->correlate(&p, &out, &in, panels, band * p.rows,
                               bands + omp_get_thread_num() * ck_round_up(band_floats(&p), LINE));
        }
}

void ck_direct_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch) {
    ck_direct_plan p;
    plan_sums(&p, g, epilogue, variant);
    int64_t pieces = g->n * p.bands, groups = sum_groups(&p, g);
    int64_t blocks = ck_ceil_div(g->k, variant->k), each = block_sums(&p, variant), pairs = variant->k * variant->p;
    float *sums = align(scratch), *bands = sums + ck_round_up(groups * blocks * each, LINE);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *mine = sums + group * blocks * each;
        memset(mine, 0, sizeof(float) * (size_t)(blocks * each));
        for (int64_t piece = group * pieces / groups; piece < (group + 1) * pieces / groups; piece++) {
            ck_planes gradient = ck_gradient_planes(gy, piece / p.bands, g, epilogue);
            ck_planes in = ck_input_planes(x, piece / p.bands, g);
            variant->sum_products(&p, mine, &gradient, &in, piece % p.bands * p.rows,
                                  bands + omp_get_thread_num() * ck_round_up(sum_floats(&p, variant), LINE));
        }
    }
#pragma omp parallel for schedule(static)
    for (int64_t block = 0; block < blocks; block++) {
        float *total = sums + block * each;
        for (int64_t group = 1; group < groups; group++)
            for (int64_t i = 0; i < each; i++)
                total[i] += total[group * blocks * each + i];
        const float *biases = total + each - ck_round_up(variant->k, variant->lanes);
        for (int64_t k = block * variant->k; k < ck_min(g->k, (block + 1) * variant->k); k++) {
            const float *row = total + k % variant->k * variant->p;
            for (int64_t t = 0; t < g->crs; t += variant->p, row += ck_round_up(pairs, variant->lanes))
                memcpy(gw + k * g->crs + t, row, sizeof *gw * (size_t)ck_min(variant->p, g->crs - t));
            if (gb)
                gb[k] = biases[k % variant->k];
        }
    }
}
