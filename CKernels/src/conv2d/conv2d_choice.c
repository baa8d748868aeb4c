/// The table of convolution algorithms, and which one computes a shape.
#include "conv2d/conv2d_choice.h"
#include "conv2d/direct/conv2d_direct.h"
#include "conv2d/im2col/conv2d_im2col.h"
#include "conv2d/winograd/conv2d_winograd.h"
#include "runtime/instruction_set.h"

static bool supports_all(const ck_geometry *g, ck_conv2d_pass pass) {
    (void)g;
    (void)pass;
    return true;
}

/// Matrix products with unrolled patches reach 20-40 % of the FMA peak on a Zen 5 core, direct kernels 55-85 %. Direct
/// kernels are slower where most elements of their vectors are unused. For pointwise convolutions, which need no
/// unrolling, and weight gradients, which are reduced over parts of the batch, that starts at a higher utilization.
static bool is_direct_faster(const ck_geometry *g, ck_conv2d_pass pass) {
    if (!ck_direct_supports(g, pass))
        return false;
    double least = ck_is_pointwise(g) || pass == CK_BACKWARD_WEIGHT ? 0.6 : 0.4;
    return ck_direct_utilization(g, pass) >= least;
}

/// Winograd's transforms lose a digit of precision, so they must save more than a few percent.
static bool is_winograd_faster(const ck_geometry *g, ck_conv2d_pass pass) {
    return ck_winograd_supports(g, pass) && is_direct_faster(g, pass) &&
           ck_winograd_work(g, pass) * 10 < ck_direct_work(g, pass) * 9;
}

/// Indexed by ck_conv2d_algorithm. A new algorithm is one more enumerator and one more entry; later entries are tried
/// first.
static const ck_conv2d_implementation implementations[] = {
    [CK_CONV2D_ANY] = {.name = "any"},
    [CK_CONV2D_IM2COL] =
        {
            .algorithm = CK_CONV2D_IM2COL,
            .name = "im2col",
            .supports = supports_all,
            .is_faster = supports_all,
            .scratch = ck_im2col_scratch,
            .forward = ck_im2col_forward,
            .backward_data = ck_im2col_backward_data,
            .backward_weight = ck_im2col_backward_weight,
        },
    [CK_CONV2D_DIRECT] =
        {
            .algorithm = CK_CONV2D_DIRECT,
            .name = "direct",
            .supports = ck_direct_supports,
            .is_faster = is_direct_faster,
            .scratch = ck_direct_scratch,
            .forward = ck_direct_forward,
            .backward_data = ck_direct_backward_data,
            .backward_weight = ck_direct_backward_weight,
        },
    [CK_CONV2D_WINOGRAD] =
        {
            .algorithm = CK_CONV2D_WINOGRAD,
            .name = "winograd",
            .supports = ck_winograd_supports,
            .is_faster = is_winograd_faster,
            .scratch = ck_winograd_scratch,
            .forward = ck_winograd_forward,
            .backward_data = ck_winograd_backward_data,
            .backward_weight = ck_winograd_backward_weight,
        },
};
enum { COUNT = sizeof implementations / sizeof *implementations };

static struct selection {
    bool is_made;
    ck_status status;
    ck_conv2d_algorithm algorithm;
} selection;

static bool is_known(ck_conv2d_algorithm algorithm) {
    return algorithm >= CK_CONV2D_ANY && (size_t)algorithm < COUNT;
}

ck_status ck_conv2d_set_algorithm(ck_conv2d_algorithm algorithm, ck_isa isa) {
    if (!is_known(algorithm) || ck_set_isa(isa) != CK_OK)
        return CK_BAD_PARAMETER;
    selection = (struct selection){.is_made = true, .status = CK_OK, .algorithm = algorithm};
    return CK_OK;
}

const char *ck_conv2d_algorithm_name(ck_conv2d_algorithm algorithm) {
    return is_known(algorithm) ? implementations[algorithm].name : NULL;
}

static const struct selection *selected(void) {
    if (!selection.is_made) {
        const char *names[COUNT + 1] = {0};
        for (size_t i = 0; i < COUNT; i++)
            names[i] = implementations[i].name;
        int algorithm = ck_named_in_environment("NUCLEI_CONV", names);
        selection = (struct selection){.is_made = true, .status = algorithm < 0 ? CK_BAD_PARAMETER : CK_OK};
        selection.algorithm = algorithm < 0 ? CK_CONV2D_ANY : (ck_conv2d_algorithm)algorithm;
    }
    return &selection;
}

ck_status ck_conv2d_selection_status(void) {
    ck_isa isa;
    ck_status status = ck_wanted_isa(&isa);
    return status == CK_OK ? selected()->status : status;
}

const ck_conv2d_implementation *ck_conv2d_choose(const ck_geometry *g, ck_conv2d_pass pass) {
    const ck_conv2d_implementation *wanted = &implementations[selected()->algorithm];
    if (wanted->algorithm != CK_CONV2D_ANY && wanted->supports(g, pass))
        return wanted;
    const ck_conv2d_implementation *fastest = &implementations[COUNT - 1];
    while (!fastest->is_faster(g, pass))
        fastest--;
    return fastest;
}
