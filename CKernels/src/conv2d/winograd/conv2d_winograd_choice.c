/// Which variant of Winograd's transforms computes a shape, and its estimated cost.
#include "conv2d/winograd/conv2d_winograd.h"
#include "conv2d/winograd/conv2d_winograd_plan.h"
#include "runtime/instruction_set.h"

/// Cost of transforms with 64 points in instructions: of a vector of tiles of an input plane, of an output plane and of
/// a gradient, and of a block of filters for one channel. Measured on a Zen 5 core with AVX-512, for layers with an
/// epilogue; layers without one gain more.
enum { TILE_WORK = 800, OUTPUT_WORK = 430, GRADIENT_WORK = 1000, FILTER_WORK = 600 };
/// Images that are assumed to share transformed filters. It does not depend on the batch, so that the results for a
/// tile do not depend on its batch either.
enum { CHOICE_BATCH = 16 };

/// Vectors of tiles in an image.
static int64_t vectors_of(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant) {
    ck_winograd_plan p;
    if (pass == CK_BACKWARD_DATA)
        ck_winograd_plan_backward_data(&p, g, variant);
    else
        ck_winograd_plan_forward(&p, g, variant);
    return p.tiling.tile_rows * p.tiling.vectors * p.tiling.across;
}

/// Estimated instructions for an image.
static int64_t variant_work(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant) {
    bool is_data = pass == CK_BACKWARD_DATA;
    int64_t c = is_data ? g->k : g->c, k = is_data ? g->c : g->k;
    int64_t vectors = vectors_of(g, pass, variant), transforms, products;
    if (pass == CK_BACKWARD_WEIGHT) {
        int64_t tiles = ck_ceil_div(g->oh, CK_TILE) * ck_ceil_div(g->ow, CK_TILE);
        int64_t filters = ck_round_up(k, variant->lanes * variant->sum_v) / variant->lanes;
        transforms = vectors * c * TILE_WORK + tiles * filters * GRADIENT_WORK;
        products = tiles * filters * ck_round_up(c, variant->sum_c);
    } else {
        transforms =
            vectors * (c * TILE_WORK + k * OUTPUT_WORK) + c * ck_ceil_div(k, variant->k) * FILTER_WORK / CHOICE_BATCH;
        products = ck_round_up(vectors, variant->p) * c * ck_round_up(k, variant->k);
    }
    return ck_winograd_points(variant) * (transforms / 64 + products);
}

static const ck_winograd_variant *const *const tables[] = {ck_winograd_avx512, ck_winograd_avx2, ck_winograd_portable};
enum { TABLES = sizeof tables / sizeof *tables };

static bool is_usable(const ck_winograd_variant *variant, const ck_geometry *g) {
    return variant->kernel == g->r && ck_is_selected_isa(variant->isa);
}

bool ck_winograd_supports(const ck_geometry *g, ck_conv2d_pass pass) {
    (void)pass;
    if (g->r != g->s || g->stride_h != 1 || g->stride_w != 1)
        return false;
    for (int i = 0; i < TABLES; i++)
        for (const ck_winograd_variant *const *entry = tables[i]; *entry; entry++)
            if (is_usable(*entry, g))
                return true;
    return false;
}

/// The fastest variant for a supported shape, and its work.
static const ck_winograd_variant *choose(const ck_geometry *g, ck_conv2d_pass pass, int64_t *least) {
    const ck_winograd_variant *best = NULL;
    for (int i = 0; i < TABLES; i++)
        for (const ck_winograd_variant *const *entry = tables[i]; *entry; entry++) {
            if (!is_usable(*entry, g))
                continue;
            int64_t work = variant_work(g, pass, *entry);
            if (best && work >= *least)
                continue;
            best = *entry;
            *least = work;
        }
    return best;
}

const ck_winograd_variant *ck_winograd_variant_for(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t least;
    return choose(g, pass, &least);
}

int64_t ck_winograd_work(const ck_geometry *g, ck_conv2d_pass pass) {
    int64_t least = 0;
    choose(g, pass, &least);
    return least;
}
