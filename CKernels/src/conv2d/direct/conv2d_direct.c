/// Direct convolution: packed weights and the loops over threads. Plans are in conv2d_direct_plan.c, the arithmetic is
/// in conv2d_direct_tile.h.
///
/// A band of output rows is one piece of work. Its input rows are copied with their zero borders into scratch memory
/// that stays in the second-level cache, so that inner loops handle neither borders nor strides: a tap is an offset.
/// The data gradient is a correlation of gy with the flipped filters. With strides it splits into one correlation for
/// each pixel of a stride, which share the copied band.
#include "conv2d/direct/conv2d_direct.h"
#include "conv2d/direct/conv2d_direct_plan.h"

/// Weight gradients are summed in at most this many groups, then reduced in a fixed order.
enum { SUM_GROUPS = 16 };

/// panels[part][block of filters][1 + C * taps][variant->k]: biases, then weights, padded with zero filters. The weight
/// of filter k, channel c and tap t is w[k * of_k + c * of_c + t].
static void pack_weights(float *panels, const float *w, const float *b, const ck_direct_plan *p,
                         const ck_direct_variant *variant, int64_t of_k, int64_t of_c) {
    int64_t blocks = ck_ceil_div(p->geometry.k, variant->k), block = variant->k;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t i = 0; i < p->parts; i++)
        for (int64_t index = 0; index < blocks; index++) {
            const ck_direct_part *part = &p->part[i];
            float *out = panels + part->panels + index * part->panel;
            int64_t first = index * block, filters = ck_min(block, p->geometry.k - first);
            for (int64_t k = 0; k < block; k++)
                *out++ = b && k < filters ? b[first + k] : 0;
            for (int64_t c = 0; c < p->geometry.c; c++)
                for (int64_t t = 0; t < part->taps; t++, out += block) {
                    const float *in = w + first * of_k + c * of_c + p->tap_index[part->first_tap + t];
                    for (int64_t k = 0; k < filters; k++)
                        out[k] = in[k * of_k];
                    for (int64_t k = filters; k < block; k++)
                        out[k] = 0;
                }
        }
}

/// Floats of a thread's band and of the buffers that follow it.
static int64_t band_floats(const ck_direct_plan *p) {
    return p->geometry.c * p->band.plane + p->buffers.row + p->buffers.unfinished;
}

/// The same, followed by the gradients of a block of filters.
static int64_t sum_floats(const ck_direct_plan *p, const ck_direct_variant *variant) {
    return band_floats(p) + p->tiling.rows * ck_round_up(p->geometry.ow, variant->lanes) * variant->k;
}

/// Floats of the sums of a group for one block of filters: variant->k * variant->p for each block of taps, then biases.
static int64_t block_sums(const ck_direct_plan *p, const ck_direct_variant *variant) {
    int64_t pairs = ck_round_up(variant->k * variant->p, variant->lanes);
    return ck_ceil_div(p->geometry.c * p->part[0].taps, variant->p) * pairs + ck_round_up(variant->k, variant->lanes);
}

static int64_t sum_groups(const ck_direct_plan *p, const ck_geometry *g) {
    return ck_min(SUM_GROUPS, g->n * p->tiling.bands);
}

size_t ck_direct_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass) {
    const ck_direct_variant *variant = ck_direct_variant_for(g, pass);
    ck_direct_plan p;
    int64_t shared, each;
    if (pass == CK_BACKWARD_WEIGHT) {
        ck_direct_plan_backward_weight(&p, g, epilogue, variant);
        shared = sum_groups(&p, g) * ck_ceil_div(p.geometry.k, variant->k) * block_sums(&p, variant);
        each = sum_floats(&p, variant);
    } else {
        if (pass == CK_FORWARD)
            ck_direct_plan_forward(&p, g, epilogue, variant);
        else
            ck_direct_plan_backward_data(&p, g, epilogue, variant);
        shared = ck_direct_lay_out_panels(&p, variant);
        each = band_floats(&p);
    }
    return (size_t)(CK_LINE + ck_round_up(shared, CK_LINE) + omp_get_max_threads() * ck_round_up(each, CK_LINE));
}

void ck_direct_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_direct_variant *variant = ck_direct_variant_for(g, CK_FORWARD);
    ck_direct_plan p;
    ck_direct_plan_forward(&p, g, epilogue, variant);
    float *panels = ck_align(scratch), *bands = panels + ck_direct_lay_out_panels(&p, variant);
    pack_weights(panels, w, b, &p, variant, g->crs, g->r * g->s);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t band = 0; band < p.tiling.bands; band++) {
            ck_outputs out = ck_output_planes(y, n, g, epilogue);
            ck_planes in = ck_input_planes(x, n, g);
            variant->correlate(&p, &out, &in, panels, band * p.tiling.rows,
                               bands + omp_get_thread_num() * ck_round_up(band_floats(&p), CK_LINE));
        }
}

void ck_direct_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_direct_variant *variant = ck_direct_variant_for(g, CK_BACKWARD_DATA);
    ck_direct_plan p;
    ck_direct_plan_backward_data(&p, g, epilogue, variant);
    float *panels = ck_align(scratch), *bands = panels + ck_direct_lay_out_panels(&p, variant);
    pack_weights(panels, w, NULL, &p, variant, g->r * g->s, g->crs);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t band = 0; band < p.tiling.bands; band++) {
            ck_outputs out = {.values = gx + n * g->c * g->h * g->w};
            ck_planes in = ck_gradient_planes(gy, n, g, epilogue);
            variant->correlate(&p, &out, &in, panels, band * p.tiling.rows,
                               bands + omp_get_thread_num() * ck_round_up(band_floats(&p), CK_LINE));
        }
}

void ck_direct_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch) {
    const ck_direct_variant *variant = ck_direct_variant_for(g, CK_BACKWARD_WEIGHT);
    ck_direct_plan p;
    ck_direct_plan_backward_weight(&p, g, epilogue, variant);
    int64_t pieces = g->n * p.tiling.bands, groups = sum_groups(&p, g);
    int64_t blocks = ck_ceil_div(g->k, variant->k), each = block_sums(&p, variant), pairs = variant->k * variant->p;
    float *sums = ck_align(scratch), *bands = sums + ck_round_up(groups * blocks * each, CK_LINE);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *own = sums + group * blocks * each;
        memset(own, 0, sizeof(float) * (size_t)(blocks * each));
        for (int64_t piece = group * pieces / groups; piece < (group + 1) * pieces / groups; piece++) {
            ck_planes gradient = ck_gradient_planes(gy, piece / p.tiling.bands, g, epilogue);
            ck_planes in = ck_input_planes(x, piece / p.tiling.bands, g);
            variant->sum_products(&p, own, &gradient, &in, piece % p.tiling.bands * p.tiling.rows,
                                  bands + omp_get_thread_num() * ck_round_up(sum_floats(&p, variant), CK_LINE));
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
