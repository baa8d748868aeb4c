/// Which variant of convolution serves which shape: the one place that decides.
#include "conv2d/ck_conv2d.h"
#include "conv2d/winograd/ck_winograd.h"
#include "runtime/instruction_set.h"

static struct choice {
    bool is_made;
    ck_status status;
    ck_conv2d_algorithm algorithm;
} choice;

/// As NUCLEI_CONV takes them, in the order of their numbers.
static const char *const names[] = {"any", "im2col", "direct", "winograd", 0};

ck_status ck_conv2d_set_algorithm(ck_conv2d_algorithm algorithm, ck_isa isa) {
    if (algorithm < CK_CONV2D_ANY || algorithm > CK_CONV2D_WINOGRAD || ck_set_isa(isa) != CK_OK)
        return CK_BAD_PARAMETER;
    choice = (struct choice){.is_made = true, .status = CK_OK, .algorithm = algorithm};
    return CK_OK;
}

const char *ck_conv2d_algorithm_name(ck_conv2d_algorithm algorithm) {
    bool is_known = algorithm >= CK_CONV2D_ANY && (size_t)algorithm < sizeof names / sizeof *names;
    return is_known ? names[algorithm] : NULL;
}

static const struct choice *chosen(void) {
    if (!choice.is_made) {
        int algorithm = ck_named_in_environment("NUCLEI_CONV", names);
        choice = (struct choice){.is_made = true, .status = algorithm < 0 ? CK_BAD_PARAMETER : CK_OK};
        choice.algorithm = algorithm < 0 ? CK_CONV2D_ANY : (ck_conv2d_algorithm)algorithm;
    }
    return &choice;
}

ck_status ck_conv2d_choice_status(void) {
    ck_isa isa;
    ck_status status = ck_wanted_isa(&isa);
    return status == CK_OK ? chosen()->status : status;
}

/// Filters that a pass computes, and pixels in a row of them.
static void output_of(int64_t *k, int64_t *width, const ck_geometry *g, ck_conv2d_pass pass) {
    bool is_data = pass == CK_BACKWARD_DATA;
    *k = is_data ? g->c : g->k;
    *width = is_data ? ck_ceil_div(g->w, g->stride_w) : g->ow;
}

/// Instructions for a row, about, including those for filters, pixels and taps that fill up blocks.
static int64_t work(const ck_geometry *g, ck_conv2d_pass pass, const ck_direct_variant *variant) {
    int64_t k, width;
    output_of(&k, &width, g, pass);
    int64_t products = pass == CK_BACKWARD_WEIGHT ? ck_round_up(g->crs, variant->p)
                       : pass == CK_BACKWARD_DATA ? g->k * g->r * g->s
                                                  : g->crs;
    return ck_round_up(k, variant->k) * ck_ceil_div(width, variant->lanes) * products;
}

/// Measured on a Zen 5 core, where matrix products with unrolled patches reach 20-40 % of the FMA peak and the direct
/// kernels 55-85 %: the direct kernels lose where most of their vectors are empty, and with single pixels as patches
/// or weight gradients, which are added up apart for parts of the batch, also where a good part of them is.
static bool is_worth_it(const ck_geometry *g, ck_conv2d_pass pass, const ck_direct_variant *variant,
                        int64_t most_lanes) {
    int64_t k, width;
    output_of(&k, &width, g, pass);
    bool is_pointwise =
        g->r == 1 && g->s == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0;
    double used = (double)width / (double)(ck_ceil_div(width, variant->lanes) * most_lanes);
    // A product with a few filters is slow too, its transpose is not.
    if (is_pointwise || pass == CK_BACKWARD_DATA)
        used *= (double)k / (double)ck_round_up(k, variant->k);
    return used >= (is_pointwise || pass == CK_BACKWARD_WEIGHT ? 0.6 : 0.4);
}

const ck_direct_variant *ck_conv2d_choose(const ck_geometry *g, ck_conv2d_pass pass) {
    const struct choice *c = chosen();
    if (c->algorithm == CK_CONV2D_IM2COL || !ck_direct_serves(g, pass))
        return NULL;
    ck_isa isa;
    ck_wanted_isa(&isa);
    const ck_direct_variant *best = NULL;
    int64_t most_lanes = 0;
    // Of two with equal work the one with shorter vectors loads less that it does not need.
    const ck_direct_variant *const tables[] = {ck_direct_avx2, ck_direct_avx512, ck_direct_portable};
    for (int i = 0; i < 3; i++)
        for (const ck_direct_variant *variant = tables[i]; variant->correlate; variant++) {
            if (!ck_has_isa(variant->isa) || (isa != CK_ISA_ANY && isa != variant->isa))
                continue;
            most_lanes = ck_max(most_lanes, variant->lanes);
            if (!best || work(g, pass, variant) < work(g, pass, best))
                best = variant;
        }
    return best && (c->algorithm == CK_CONV2D_DIRECT || is_worth_it(g, pass, best, most_lanes)) ? best : NULL;
}

/// What Winograd's transforms with 64 points cost, in the instructions that `work` counts: for a vector of tiles of a
/// plane that is read, of one that is written and of a gradient, and for a block of filters and one channel. Measured
/// on a Zen 5 core with AVX-512, for layers with epilogues; others gain more.
enum { TILE_WORK = 800, OUTPUT_WORK = 430, GRADIENT_WORK = 1000, FILTER_WORK = 600 };
/// Images that share transformed filters, in the reckoning: the same for any batch, so that a tile's numbers do not
/// depend on how many others come with it.
enum { CHOICE_BATCH = 16 };

/// Instructions for an image, about.
static int64_t transform_work(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant) {
    bool is_data = pass == CK_BACKWARD_DATA;
    int64_t c = is_data ? g->k : g->c, k = is_data ? g->c : g->k;
    int64_t span = variant->kernel + CK_TILE - 1, points = span * span;
    int64_t vectors = ck_winograd_vectors(g, pass, variant), transforms, products;
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
    return points * (transforms / 64 + products);
}

const ck_winograd_variant *ck_winograd_choose(const ck_geometry *g, ck_conv2d_pass pass) {
    const struct choice *c = chosen();
    if ((c->algorithm != CK_CONV2D_ANY && c->algorithm != CK_CONV2D_WINOGRAD) || !ck_winograd_serves(g, pass))
        return NULL;
    ck_isa isa;
    ck_wanted_isa(&isa);
    const ck_winograd_variant *best = NULL;
    const ck_winograd_variant *const tables[] = {ck_winograd_avx512, ck_winograd_avx2, ck_winograd_portable};
    for (int i = 0; i < 3; i++)
        for (const ck_winograd_variant *variant = tables[i]; variant->correlate; variant++)
            if (variant->kernel == g->r && ck_has_isa(variant->isa) && (isa == CK_ISA_ANY || isa == variant->isa) &&
                (!best || transform_work(g, pass, variant) < transform_work(g, pass, best)))
                best = variant;
    if (c->algorithm == CK_CONV2D_WINOGRAD)
        return best;
    const ck_direct_variant *direct = ck_conv2d_choose(g, pass);
    int64_t rows = pass == CK_BACKWARD_DATA ? g->h : g->oh;
    // A digit of precision is given up for more than a few percent.
    bool wins = best && direct && transform_work(g, pass, best) * 10 < work(g, pass, direct) * rows * 9;
    return wins ? best : NULL;
}
