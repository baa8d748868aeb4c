/// Convolution through Winograd's transforms: plans, transformed filters and the loops over threads. The arithmetic is
/// in conv2d_winograd_lanes.h and conv2d_winograd_tile.h.
///
/// A strip of an image, a few rows of 4x4 tiles or a part of them, is one piece of work: its tiles are transformed for
/// all channels, each of 64 or 36 points of them is multiplied with that of the filters, a small matrix product, and
/// the products are transformed back. Vectors hold neighbouring tiles of a row. See Lavin and Gray, Fast algorithms for
/// convolutional neural networks, 2015.
#include "conv2d/winograd/ck_winograd.h"

/// Floats that transformed tiles, and products, may take of the second-level cache: 256 and 384 KiB.
enum { TILE_FLOATS = 1 << 16, PRODUCT_FLOATS = 3 << 15 };
/// Floats of transformed x, and of gradients, of a strip when weight gradients are summed: 256 and 384 KiB.
enum { SUM_TILE_FLOATS = 1 << 16, SUM_GRADIENT_FLOATS = 3 << 15 };
/// Weight gradients of pieces of the batch are summed apart, in this many groups at most, then reduced in order.
enum { SUM_GROUPS = 16 };
/// Scratch is cut at multiples of a cache line.
enum { LINE = 16 };

bool ck_winograd_serves(const ck_geometry *g, ck_conv2d_pass pass) {
    (void)pass;
    return g->r == g->s && (g->r == 5 || g->r == 3) && g->stride_h == 1 && g->stride_w == 1;
}

/// Floats of a row of gradients on its way through an epilogue.
static int64_t row_floats(const ck_geometry *g) {
    return ck_round_up(g->ow, LINE) + 2 * LINE;
}

/// An odd number of cache lines from point to point, or points would compete for few cache sets.
static int64_t odd_lines(int64_t floats) {
    return (ck_ceil_div(floats, LINE) | 1) * LINE;
}

static int64_t points(const ck_winograd_variant *variant) {
    int64_t span = variant->kernel + CK_TILE - 1;
    return span * span;
}

/// Vectors of whole rows; returns how many there are in a row.
static int64_t lay_out_vectors(ck_winograd_plan *p, const ck_winograd_variant *variant) {
    const int64_t across = ck_ceil_div(p->ow, CK_TILE), down = ck_ceil_div(p->oh, CK_TILE);
    p->fold = 1;
    while (p->fold < CK_TILE && p->fold < down && 2 * p->fold * across <= variant->lanes)
        p->fold *= 2;
    p->tile_rows = ck_ceil_div(down, p->fold);
    p->line_step = p->fold > 1 ? variant->kernel + CK_TILE - 1 : CK_TILE;
    return ck_ceil_div(across * p->fold, variant->lanes);
}

/// Strips of so many rows of vectors, and vectors side by side.
static void lay_out_strips(ck_winograd_plan *p, const ck_winograd_variant *variant, int64_t all, int64_t rows,
                           int64_t vectors) {
    p->rows = rows;
    p->vectors = vectors;
    p->across = ck_ceil_div(all, vectors);
    p->strips = p->across * ck_ceil_div(p->tile_rows, rows);
    p->blocks = ck_ceil_div(rows * vectors, variant->p);
    p->line = ck_round_up((vectors + 1) * variant->lanes * CK_TILE, LINE) * (p->fold > 1 ? 2 : 1);
}

/// Copied rows of a strip.
static int64_t lines_of(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return (p->rows - 1) * p->line_step + variant->kernel + CK_TILE - 1;
}

/// Floats that a channel's transformed tiles, or a filter's products, take.
static int64_t point_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return p->blocks * variant->p * variant->lanes * points(variant);
}

/// Vector operations for an image and one channel, about: products for all filters, and the transforms of tiles and of
/// copied rows, which strips below each other both need.
static int64_t strips_work(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    enum { TILE = 250, LINE_OF_TILES = 45 };
    return p->strips * (p->blocks * variant->p * (points(variant) * p->k + TILE) +
                        lines_of(p, variant) * p->vectors * LINE_OF_TILES);
}

/// Cuts an image into strips whose tiles fit the cache for all channels, if there are such: those that waste least.
/// Tiles of others would be transformed again for every few filters.
static void cut_across(ck_winograd_plan *p, const ck_winograd_variant *variant, int64_t all) {
    ck_winograd_plan best = *p;
    for (int64_t rows = 1; rows <= ck_min(2 * variant->p, p->tile_rows); rows++)
        for (int64_t vectors = 1; vectors <= all; vectors++) {
            lay_out_strips(p, variant, all, rows, vectors);
            if (p->c * point_floats(p, variant) > TILE_FLOATS)
                break;
            if (p->c * point_floats(&best, variant) > TILE_FLOATS ||
                strips_work(p, variant) < strips_work(&best, variant))
                best = *p;
        }
    *p = best;
}

static void cut(ck_winograd_plan *p, const ck_winograd_variant *variant) {
    const int64_t all = lay_out_vectors(p, variant);
    // As many rows as fill whole blocks of vectors.
    int64_t rows = 1;
    while (rows * all % variant->p != 0 && rows < variant->p)
        rows++;
    lay_out_strips(p, variant, all, ck_min(rows, p->tile_rows), all);
    if (p->fold == 1 && p->c * point_floats(p, variant) > TILE_FLOATS)
        cut_across(p, variant, all);

    const int64_t floats = point_floats(p, variant);
    p->channels = p->c;
    p->filters = variant->k;
    if (p->c * floats > TILE_FLOATS) {
        int64_t parts = ck_ceil_div(p->c * floats, TILE_FLOATS);
        p->channels = ck_ceil_div(p->c, parts);
        p->filters =
            ck_min(ck_round_up(p->k, variant->k), ck_max(1, PRODUCT_FLOATS / (floats * variant->k)) * variant->k);
    }
    p->tile_point = odd_lines(p->channels * variant->p * variant->lanes);
    p->product_point = odd_lines((int64_t)variant->k * variant->p * variant->lanes);

    const int64_t row = p->vectors * variant->lanes, lines = lines_of(p, variant);
    p->products = p->blocks * points(variant) * p->tile_point;
    p->half = p->products + p->blocks * (p->filters / variant->k) * points(variant) * p->product_point;
    p->lines = p->half + ck_round_up(lines * row * (variant->kernel + CK_TILE - 1), LINE);
    p->outputs = p->lines + lines * p->line;
    // Two vectors more for the last row's pooling.
    p->row = p->outputs + p->rows * CK_TILE * row * CK_TILE + ck_round_up(2 * variant->lanes, LINE);
}

static void plan_forward(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    *p = (ck_winograd_plan){
        .c = g->c,
        .k = g->k,
        .oh = g->oh,
        .ow = g->ow,
        .top = -g->pad_h,
        .left = -g->pad_w,
    };
    cut(p, variant);
    p->floats = odd_lines(p->row + row_floats(g));
}

static void plan_backward_data(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    *p = (ck_winograd_plan){
        .c = g->k,
        .k = g->c,
        .oh = g->h,
        .ow = g->w,
        .top = g->pad_h - (g->r - 1),
        .left = g->pad_w - (g->s - 1),
    };
    cut(p, variant);
    p->floats = odd_lines(p->row + row_floats(g));
}

static void plan_sums(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    const int64_t block = variant->sum_v * variant->lanes, across = ck_ceil_div(g->ow, CK_TILE);
    plan_forward(p, g, variant);
    const int64_t all = lay_out_vectors(p, variant), row = all * variant->lanes;
    int64_t rows = ck_max(1, SUM_GRADIENT_FLOATS / (points(variant) * across * p->fold * block));
    int64_t strips = ck_ceil_div(p->tile_rows, ck_min(rows, p->tile_rows));
    lay_out_strips(p, variant, all, ck_ceil_div(p->tile_rows, strips), all);
    p->blocks = 1;
    int64_t parts = ck_ceil_div(points(variant) * p->c * p->rows * row, SUM_TILE_FLOATS);
    p->channels = ck_round_up(ck_ceil_div(p->c, parts), variant->sum_c);
    p->tile_point = odd_lines(p->channels * p->rows * row);
    p->product_point = odd_lines(p->rows * p->fold * across * block);

    p->products = points(variant) * p->tile_point;
    p->half = p->products + points(variant) * p->product_point;
    p->lines = p->half + ck_round_up(lines_of(p, variant) * row * (variant->kernel + CK_TILE - 1), LINE);
    // Rows of x, or the rows of as many filters as there are lanes and what is gathered from them.
    const int64_t gradient = ck_round_up(ck_round_up(g->ow, CK_TILE), variant->lanes) * variant->lanes;
    p->row = p->lines + ck_max(lines_of(p, variant) * p->line, gradient + CK_TILE * gradient);
    p->floats = odd_lines(p->row + row_floats(g));

    const int64_t blocks = ck_ceil_div(p->k, block);
    p->sum_block = points(variant) * ck_round_up(p->c, variant->sum_c) * block;
    p->sum_floats = blocks * (p->sum_block + block);
    p->tap_floats = ck_round_up(blocks * (g->r * g->s * p->c + 1) * block, LINE);
    p->sum_floats = ck_round_up(p->sum_floats, LINE);
}

int64_t ck_winograd_vectors(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant) {
    ck_winograd_plan p;
    if (pass == CK_BACKWARD_DATA)
        plan_backward_data(&p, g, variant);
    else
        plan_forward(&p, g, variant);
    return p.tile_rows * p.vectors * p.across;
}

static int64_t sum_groups(const ck_winograd_plan *p, const ck_geometry *g) {
    return ck_min(SUM_GROUPS, g->n * p->strips);
}

/// Floats of a transformed block of filters.
static int64_t panel_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return ck_round_up(points(variant) * p->c * variant->k, LINE);
}

static int64_t panels_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return ck_ceil_div(p->k, variant->k) * panel_floats(p, variant);
}

static float *align(float *scratch) {
    return (float *)(((uintptr_t)scratch + 4 * LINE - 1) / (4 * LINE) * (4 * LINE));
}

size_t ck_winograd_scratch(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant) {
    ck_winograd_plan p;
    if (pass == CK_BACKWARD_WEIGHT) {
        plan_sums(&p, g, variant);
        return (size_t)(LINE + sum_groups(&p, g) * p.tap_floats + omp_get_max_threads() * (p.sum_floats + p.floats));
    }
    if (pass == CK_FORWARD)
        plan_forward(&p, g, variant);
    else
        plan_backward_data(&p, g, variant);
    return (size_t)(LINE + panels_floats(&p, variant) + omp_get_max_threads() * p.floats);
}

/// All blocks of filters; part of a team's work.
static void transform_filters(float *panels, const float *w, const ck_winograd_plan *p,
                              const ck_winograd_variant *variant, int64_t of_k, int64_t of_c, int64_t step) {
#pragma omp for schedule(static)
    for (int64_t k = 0; k < p->k; k += variant->k)
        variant->transform_filters(panels + k / variant->k * panel_floats(p, variant), w + k * of_k,
                                   ck_min(variant->k, p->k - k), p->c, of_k, of_c, step);
}

void ck_winograd_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                         const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant, float *scratch) {
    ck_winograd_plan p;
    plan_forward(&p, g, variant);
    float *panels = align(scratch), *buffers = panels + panels_floats(&p, variant);
#pragma omp parallel
    {
        transform_filters(panels, w, &p, variant, g->crs, g->r * g->s, 1);
#pragma omp for collapse(2) schedule(static)
        for (int64_t n = 0; n < g->n; n++)
            for (int64_t strip = 0; strip < p.strips; strip++) {
                ck_outputs out = ck_output_planes(y, n, g, epilogue);
                ck_planes in = ck_input_planes(x, n, g);
                variant->correlate(&p, &out, &in, panels, b, strip, buffers + omp_get_thread_num() * p.floats);
            }
    }
}

void ck_winograd_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant, float *scratch) {
    ck_winograd_plan p;
    plan_backward_data(&p, g, variant);
    float *panels = align(scratch), *buffers = panels + panels_floats(&p, variant);
#pragma omp parallel
    {
        // Turned round: from the last tap backwards.
        transform_filters(panels, w + g->r * g->s - 1, &p, variant, g->r * g->s, g->crs, -1);
#pragma omp for collapse(2) schedule(static)
        for (int64_t n = 0; n < g->n; n++)
            for (int64_t strip = 0; strip < p.strips; strip++) {
                ck_outputs out = {.values = gx + n * g->c * g->h * g->w, .oh = g->h, .ow = g->w};
                ck_planes in = ck_gradient_planes(gy, n, g, epilogue);
                variant->correlate(&p, &out, &in, panels, NULL, strip, buffers + omp_get_thread_num() * p.floats);
            }
    }
}

void ck_winograd_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                                 const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant,
                                 float *scratch) {
    ck_winograd_plan p;
    plan_sums(&p, g, variant);
    const int64_t pieces = g->n * p.strips, groups = sum_groups(&p, g), block = variant->sum_v * variant->lanes;
    float *taps = align(scratch), *own = taps + groups * p.tap_floats;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = own + omp_get_thread_num() * (p.sum_floats + p.floats);
        memset(sums, 0, sizeof *sums * (size_t)p.sum_floats);
        for (int64_t piece = group * pieces / groups; piece < (group + 1) * pieces / groups; piece++) {
            ck_planes gradient = ck_gradient_planes(gy, piece / p.strips, g, epilogue);
            ck_planes in = ck_input_planes(x, piece / p.strips, g);
            variant->sum_products(&p, sums, &gradient, &in, piece % p.strips, sums + p.sum_floats);
        }
        variant->transform_sums(&p, taps + group * p.tap_floats, sums);
    }
    const int64_t each = g->r * g->s, blocks = ck_ceil_div(g->k, block);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i <= blocks * g->c; i++) {
        // The sums of gy come last.
        bool is_bias = i == blocks * g->c;
        float *total = taps + i * each * block;
        int64_t count = is_bias ? blocks * block : each * block;
        for (int64_t group = 1; group < groups; group++)
            for (int64_t j = 0; j < count; j++)
                total[j] += total[group * p.tap_floats + j];
        if (is_bias) {
            if (gb)
                memcpy(gb, total, sizeof *gb * (size_t)g->k);
            continue;
        }
        int64_t first = i / g->c * block;
        for (int64_t k = first; k < ck_min(g->k, first + block); k++)
            for (int64_t t = 0; t < each; t++)
                gw[(k * g->c + i % g->c) * each + t] = total[t * block + k - first];
    }
}
