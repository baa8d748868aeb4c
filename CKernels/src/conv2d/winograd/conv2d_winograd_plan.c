/// Plans of convolution with Winograd's transforms.
#include "conv2d/winograd/conv2d_winograd_plan.h"

/// Floats of transformed tiles, and of products, that fit the second-level cache: 256 and 384 KiB.
enum { TILE_FLOATS = 1 << 16, PRODUCT_FLOATS = 3 << 15 };
/// The same for weight gradients: floats of transformed x, and of gradients, of a strip.
enum { SUM_TILE_FLOATS = 1 << 16, SUM_GRADIENT_FLOATS = 3 << 15 };

/// Floats of a row of a gradient that is propagated through the epilogue.
static int64_t row_floats(const ck_geometry *g) {
    return ck_round_up(g->ow, CK_LINE) + 2 * CK_LINE;
}

/// An odd number of cache lines from point to point, so that points do not compete for few cache sets.
static int64_t odd_lines(int64_t floats) {
    return (ck_ceil_div(floats, CK_LINE) | 1) * CK_LINE;
}

/// Cuts rows of tiles into vectors; returns the vectors of a row.
static int64_t lay_out_vectors(ck_winograd_plan *p, const ck_winograd_variant *variant) {
    const int64_t across = ck_ceil_div(p->geometry.ow, CK_TILE), down = ck_ceil_div(p->geometry.oh, CK_TILE);
    ck_winograd_tiling *t = &p->tiling;
    t->fold = 1;
    while (t->fold < CK_TILE && t->fold < down && 2 * t->fold * across <= variant->lanes)
        t->fold *= 2;
    t->tile_rows = ck_ceil_div(down, t->fold);
    p->strides.line_step = t->fold > 1 ? variant->kernel + CK_TILE - 1 : CK_TILE;
    return ck_ceil_div(across * t->fold, variant->lanes);
}

/// Cuts an image with rows of `all` vectors into strips of `rows` rows and `vectors` vectors.
static void lay_out_strips(ck_winograd_plan *p, const ck_winograd_variant *variant, int64_t all, int64_t rows,
                           int64_t vectors) {
    ck_winograd_tiling *t = &p->tiling;
    t->rows = rows;
    t->vectors = vectors;
    t->across = ck_ceil_div(all, vectors);
    t->strips = t->across * ck_ceil_div(t->tile_rows, rows);
    t->blocks = ck_ceil_div(rows * vectors, variant->p);
    p->strides.line = ck_round_up((vectors + 1) * variant->lanes * CK_TILE, CK_LINE) * (t->fold > 1 ? 2 : 1);
}

/// Copied rows of a strip.
static int64_t lines_of(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return (p->tiling.rows - 1) * p->strides.line_step + variant->kernel + CK_TILE - 1;
}

/// Floats of the transformed tiles of a channel, and of the products of a filter.
static int64_t point_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return p->tiling.blocks * variant->p * variant->lanes * ck_winograd_points(variant);
}

/// Estimated vector operations for an image and one channel: products for all filters, and transforms of tiles and of
/// copied rows, which are repeated for vertically adjacent strips.
static int64_t strips_work(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    enum { TILE = 250, LINE_OF_TILES = 45 };
    const ck_winograd_tiling *t = &p->tiling;
    return t->strips * (t->blocks * variant->p * (ck_winograd_points(variant) * p->geometry.k + TILE) +
                        lines_of(p, variant) * t->vectors * LINE_OF_TILES);
}

/// Cuts an image into the cheapest strips whose tiles fit the cache for all channels, if there are any. Larger strips
/// would transform their tiles again for every few filters.
static void cut_across(ck_winograd_plan *p, const ck_winograd_variant *variant, int64_t all) {
    const int64_t c = p->geometry.c;
    ck_winograd_plan best = *p;
    for (int64_t rows = 1; rows <= ck_min(2 * variant->p, p->tiling.tile_rows); rows++)
        for (int64_t vectors = 1; vectors <= all; vectors++) {
            lay_out_strips(p, variant, all, rows, vectors);
            if (c * point_floats(p, variant) > TILE_FLOATS)
                break;
            if (c * point_floats(&best, variant) > TILE_FLOATS || strips_work(p, variant) < strips_work(&best, variant))
                best = *p;
        }
    *p = best;
}

/// Completes a plan whose geometry is set.
static void cut(ck_winograd_plan *p, const ck_winograd_variant *variant, int64_t gradient_row) {
    const ck_winograd_geometry *g = &p->geometry;
    ck_winograd_tiling *t = &p->tiling;
    const int64_t all = lay_out_vectors(p, variant);
    // As many rows as fill whole blocks of vectors.
    int64_t rows = 1;
    while (rows * all % variant->p != 0 && rows < variant->p)
        rows++;
    lay_out_strips(p, variant, all, ck_min(rows, t->tile_rows), all);
    if (t->fold == 1 && g->c * point_floats(p, variant) > TILE_FLOATS)
        cut_across(p, variant, all);

    const int64_t floats = point_floats(p, variant);
    t->channels = g->c;
    t->filters = variant->k;
    if (g->c * floats > TILE_FLOATS) {
        int64_t parts = ck_ceil_div(g->c * floats, TILE_FLOATS);
        t->channels = ck_ceil_div(g->c, parts);
        int64_t blocks = ck_max(1, PRODUCT_FLOATS / (floats * variant->k));
        t->filters = ck_min(ck_round_up(g->k, variant->k), blocks * variant->k);
    }
    p->strides.tile_point = odd_lines(t->channels * variant->p * variant->lanes);
    p->strides.product_point = odd_lines((int64_t)variant->k * variant->p * variant->lanes);

    const int64_t row = t->vectors * variant->lanes, lines = lines_of(p, variant);
    const int64_t points = ck_winograd_points(variant), products = points * p->strides.product_point;
    ck_winograd_buffers *b = &p->buffers;
    b->products = t->blocks * points * p->strides.tile_point;
    b->half = b->products + t->blocks * (t->filters / variant->k) * products;
    b->lines = b->half + ck_round_up(lines * row * (variant->kernel + CK_TILE - 1), CK_LINE);
    b->outputs = b->lines + lines * p->strides.line;
    // Pooling the last row reads two more vectors.
    b->row = b->outputs + t->rows * CK_TILE * row * CK_TILE + ck_round_up(2 * variant->lanes, CK_LINE);
    b->total = odd_lines(b->row + gradient_row);
}

void ck_winograd_plan_forward(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    *p = (ck_winograd_plan){
        .geometry = {.c = g->c, .k = g->k, .oh = g->oh, .ow = g->ow, .top = -g->pad_h, .left = -g->pad_w},
    };
    cut(p, variant, row_floats(g));
}

void ck_winograd_plan_backward_data(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    const int64_t top = g->pad_h - (g->r - 1), left = g->pad_w - (g->s - 1);
    *p = (ck_winograd_plan){
        .geometry = {.c = g->k, .k = g->c, .oh = g->h, .ow = g->w, .top = top, .left = left},
    };
    cut(p, variant, row_floats(g));
}

void ck_winograd_plan_backward_weight(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant) {
    const int64_t block = variant->sum_v * variant->lanes, across = ck_ceil_div(g->ow, CK_TILE);
    const int64_t points = ck_winograd_points(variant);
    ck_winograd_plan_forward(p, g, variant);
    ck_winograd_tiling *t = &p->tiling;
    const int64_t all = lay_out_vectors(p, variant), row = all * variant->lanes;
    int64_t rows = ck_max(1, SUM_GRADIENT_FLOATS / (points * across * t->fold * block));
    int64_t strips = ck_ceil_div(t->tile_rows, ck_min(rows, t->tile_rows));
    lay_out_strips(p, variant, all, ck_ceil_div(t->tile_rows, strips), all);
    t->blocks = 1;
    int64_t parts = ck_ceil_div(points * g->c * t->rows * row, SUM_TILE_FLOATS);
    t->channels = ck_round_up(ck_ceil_div(g->c, parts), variant->sum_c);
    p->strides.tile_point = odd_lines(t->channels * t->rows * row);
    p->strides.product_point = odd_lines(t->rows * t->fold * across * block);

    ck_winograd_buffers *b = &p->buffers;
    b->products = points * p->strides.tile_point;
    b->half = b->products + points * p->strides.product_point;
    b->lines = b->half + ck_round_up(lines_of(p, variant) * row * (variant->kernel + CK_TILE - 1), CK_LINE);
    // Rows of x, or one row of gy for each lane and the pixels gathered from four of them.
    const int64_t gradient = ck_round_up(ck_round_up(g->ow, CK_TILE), variant->lanes) * variant->lanes;
    b->row = b->lines + ck_max(lines_of(p, variant) * p->strides.line, gradient + CK_TILE * gradient);
    b->total = odd_lines(b->row + row_floats(g));

    const int64_t blocks = ck_ceil_div(g->k, block);
    p->sums.block = points * ck_round_up(g->c, variant->sum_c) * block;
    p->sums.floats = ck_round_up(blocks * (p->sums.block + block), CK_LINE);
    p->sums.tap_floats = ck_round_up(blocks * (g->r * g->s * g->c + 1) * block, CK_LINE);
}
