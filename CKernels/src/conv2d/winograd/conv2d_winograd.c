/// Convolution with Winograd's transforms: transformed filters and the loops over threads. Plans are in
/// conv2d_winograd_plan.c, the arithmetic is in conv2d_winograd_lanes.h, _tile.h and _sum.h.
///
/// A strip of an image, a few rows of 4x4 tiles or a part of them, is one piece of work. Its tiles are transformed for
/// all channels. At each of 64 or 36 points, they are multiplied with the transformed filters, a small matrix product.
/// The products are transformed back. A vector holds adjacent tiles of a row. See Lavin and Gray, Fast algorithms for
/// convolutional neural networks, 2015.
#include "conv2d/winograd/conv2d_winograd.h"
#include "conv2d/winograd/conv2d_winograd_plan.h"

/// Weight gradients are summed in at most this many groups, then reduced in a fixed order.
enum { SUM_GROUPS = 16 };

static int64_t sum_groups(const ck_winograd_plan *p, const ck_geometry *g) {
    return ck_min(SUM_GROUPS, g->n * p->tiling.strips);
}

/// Floats of a transformed block of filters.
static int64_t panel_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return ck_round_up(ck_winograd_points(variant) * p->geometry.c * variant->k, CK_LINE);
}

static int64_t panels_floats(const ck_winograd_plan *p, const ck_winograd_variant *variant) {
    return ck_ceil_div(p->geometry.k, variant->k) * panel_floats(p, variant);
}

size_t ck_winograd_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass) {
    (void)epilogue;
    const ck_winograd_variant *variant = ck_winograd_variant_for(g, pass);
    ck_winograd_plan p;
    if (pass == CK_BACKWARD_WEIGHT) {
        ck_winograd_plan_backward_weight(&p, g, variant);
        return (size_t)(CK_LINE + sum_groups(&p, g) * p.sums.tap_floats +
                        omp_get_max_threads() * (p.sums.floats + p.buffers.total));
    }
    if (pass == CK_FORWARD)
        ck_winograd_plan_forward(&p, g, variant);
    else
        ck_winograd_plan_backward_data(&p, g, variant);
    return (size_t)(CK_LINE + panels_floats(&p, variant) + omp_get_max_threads() * p.buffers.total);
}

/// Transforms all blocks of filters. Called by all threads of a team, which share the work.
static void transform_filters(float *panels, const float *w, const ck_winograd_plan *p,
                              const ck_winograd_variant *variant, int64_t of_k, int64_t of_c, int64_t step) {
#pragma omp for schedule(static)
    for (int64_t k = 0; k < p->geometry.k; k += variant->k)
        variant->transform_filters(panels + k / variant->k * panel_floats(p, variant), w + k * of_k,
                                   ck_min(variant->k, p->geometry.k - k), p->geometry.c, of_k, of_c, step);
}

void ck_winograd_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                         const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_winograd_variant *variant = ck_winograd_variant_for(g, CK_FORWARD);
    ck_winograd_plan p;
    ck_winograd_plan_forward(&p, g, variant);
    float *panels = ck_align(scratch), *buffers = panels + panels_floats(&p, variant);
#pragma omp parallel
    {
        transform_filters(panels, w, &p, variant, g->crs, g->r * g->s, 1);
#pragma omp for collapse(2) schedule(static)
        for (int64_t n = 0; n < g->n; n++)
            for (int64_t strip = 0; strip < p.tiling.strips; strip++) {
                ck_outputs out = ck_output_planes(y, n, g, epilogue);
                ck_planes in = ck_input_planes(x, n, g);
                variant->correlate(&p, &out, &in, panels, b, strip, buffers + omp_get_thread_num() * p.buffers.total);
            }
    }
}

void ck_winograd_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_winograd_variant *variant = ck_winograd_variant_for(g, CK_BACKWARD_DATA);
    ck_winograd_plan p;
    ck_winograd_plan_backward_data(&p, g, variant);
    float *panels = ck_align(scratch), *buffers = panels + panels_floats(&p, variant);
#pragma omp parallel
    {
        // Flipped: from the last tap backwards.
        transform_filters(panels, w + g->r * g->s - 1, &p, variant, g->r * g->s, g->crs, -1);
#pragma omp for collapse(2) schedule(static)
        for (int64_t n = 0; n < g->n; n++)
            for (int64_t strip = 0; strip < p.tiling.strips; strip++) {
                ck_outputs out = {.values = gx + n * g->c * g->h * g->w, .oh = g->h, .ow = g->w};
                ck_planes in = ck_gradient_planes(gy, n, g, epilogue);
                variant->correlate(&p, &out, &in, panels, NULL, strip,
                                   buffers + omp_get_thread_num() * p.buffers.total);
            }
    }
}

void ck_winograd_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                                 const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_winograd_variant *variant = ck_winograd_variant_for(g, CK_BACKWARD_WEIGHT);
    ck_winograd_plan p;
    ck_winograd_plan_backward_weight(&p, g, variant);
    const int64_t pieces = g->n * p.tiling.strips, groups = sum_groups(&p, g), block = variant->sum_v * variant->lanes;
    float *taps = ck_align(scratch), *own = taps + groups * p.sums.tap_floats;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = own + omp_get_thread_num() * (p.sums.floats + p.buffers.total);
        memset(sums, 0, sizeof *sums * (size_t)p.sums.floats);
        for (int64_t piece = group * pieces / groups; piece < (group + 1) * pieces / groups; piece++) {
            ck_planes gradient = ck_gradient_planes(gy, piece / p.tiling.strips, g, epilogue);
            ck_planes in = ck_input_planes(x, piece / p.tiling.strips, g);
            variant->sum_products(&p, sums, &gradient, &in, piece % p.tiling.strips, sums + p.sums.floats);
        }
        variant->transform_sums(&p, taps + group * p.sums.tap_floats, sums);
    }
    const int64_t each = g->r * g->s, blocks = ck_ceil_div(g->k, block);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i <= blocks * g->c; i++) {
        // The sums of gy are the last piece.
        bool is_bias = i == blocks * g->c;
        float *total = taps + i * each * block;
        int64_t count = is_bias ? blocks * block : each * block;
        for (int64_t group = 1; group < groups; group++)
            for (int64_t j = 0; j < count; j++)
                total[j] += total[group * p.sums.tap_floats + j];
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
