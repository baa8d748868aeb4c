/// Which variant of direct convolution computes a shape, and its estimated cost.
#include "conv2d/direct/conv2d_direct.h"
#include "conv2d/direct/conv2d_direct_plan.h"
#include "runtime/instruction_set.h"

/// The filters that a pass computes, and pixels in a row of them.
static void output_of(int64_t *k, int64_t *width, const ck_geometry *g, ck_conv2d_pass pass) {
    bool is_data = pass == CK_BACKWARD_DATA;
    *k = is_data ? g->c : g->k;
    *width = is_data ? ck_ceil_div(g->w, g->stride_w) : g->ow;
}

/// Estimated instructions for a row, including those for filters, pixels and taps that pad register blocks.
static int64_t row_work(const ck_geometry *g, ck_conv2d_pass pass, const ck_direct_variant *variant) {
    int64_t k, width;
    output_of(&k, &width, g, pass);
    int64_t products = pass == CK_BACKWARD_WEIGHT ? ck_round_up(g->crs, variant->p)
                       : pass == CK_BACKWARD_DATA ? g->k * g->r * g->s
                                                  : g->crs;
    return ck_round_up(k, variant->k) * ck_ceil_div(width, variant->lanes) * products;
}

// The first of several variants with equal work is chosen. Shorter vectors load fewer elements that are not needed.
static const ck_direct_variant *const *const tables[] = {ck_direct_avx2, ck_direct_avx512, ck_direct_portable};
enum { TABLES = sizeof tables / sizeof *tables };

bool ck_direct_supports(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t parts = pass == CK_BACKWARD_DATA ? g->stride_h * g->stride_w : 1;
    // Offsets in a band have 32 bits.
    bool small = g->w + 2 * g->pad_w < 1 << 20 && g->ow < 1 << 20 && g->r * g->s <= CK_DIRECT_TAPS;
    if (!small || parts > CK_DIRECT_PARTS)
        return false;
    for (int i = 0; i < TABLES; i++)
        if (tables[i][0] && ck_is_selected_isa(tables[i][0]->isa))
            return true;
    return false;
}

/// The fastest variant for a supported shape, its work for a row, and the lanes of the widest variant.
static const ck_direct_variant *choose(const ck_geometry *g, ck_conv2d_pass pass, int64_t *least, int64_t *most_lanes) {
    const ck_direct_variant *best = NULL;
    *most_lanes = 0;
    for (int i = 0; i < TABLES; i++) {
        if (!tables[i][0] || !ck_is_selected_isa(tables[i][0]->isa))
            continue;
        for (const ck_direct_variant *const *entry = tables[i]; *entry; entry++) {
            int64_t work = row_work(g, pass, *entry);
            *most_lanes = ck_max(*most_lanes, (*entry)->lanes);
            if (best && work >= *least)
                continue;
            best = *entry;
            *least = work;
        }
    }
    return best;
}

const ck_direct_variant *ck_direct_variant_for(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t least, most_lanes;
    return choose(g, pass, &least, &most_lanes);
}

int64_t ck_direct_work(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t least, most_lanes;
    choose(g, pass, &least, &most_lanes);
    return least * (pass == CK_BACKWARD_DATA ? g->h : g->oh);
}

double ck_direct_utilization(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t k, width, least, most_lanes;
    const ck_direct_variant *variant = choose(g, pass, &least, &most_lanes);
    output_of(&k, &width, g, pass);
    double used = (double)width / (double)(ck_ceil_div(width, variant->lanes) * most_lanes);
    // Matrix products with few filters are slow too, but their transposes are not.
    if (ck_is_pointwise(g) || pass == CK_BACKWARD_DATA)
        used *= (double)k / (double)ck_round_up(k, variant->k);
    return used;
}
