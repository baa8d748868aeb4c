/// Which form of convolution serves which shape: the one place that decides.
#include "ck_conv2d.h"

#include <stdlib.h>

static struct choice {
    bool is_made;
    ck_status status;
    ck_conv2d_algorithm algorithm;
    ck_isa isa;
} choice;

static bool has(ck_isa isa) {
#if defined(__x86_64__)
    if (isa == CK_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    if (isa == CK_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return isa == CK_ISA_ANY || isa == CK_ISA_PORTABLE;
}

ck_status ck_conv2d_set_choice(ck_conv2d_algorithm algorithm, ck_isa isa) {
    if (algorithm < CK_CONV2D_ANY || algorithm > CK_CONV2D_DIRECT || isa < CK_ISA_ANY || isa > CK_ISA_AVX512 ||
        !has(isa))
        return CK_BAD_PARAMETER;
    choice = (struct choice){.is_made = true, .status = CK_OK, .algorithm = algorithm, .isa = isa};
    return CK_OK;
}

/// The place of an environment variable's value in a list that ends with null, 0 where it is unset or empty, -1 where
/// it is something else.
static int from_environment(const char *variable, const char *const names[]) {
    const char *value = getenv(variable);
    if (!value || !*value)
        return 0;
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

static const struct choice *chosen(void) {
    static const char *const algorithms[] = {"any", "im2col", "direct", 0};
    static const char *const sets[] = {"any", "portable", "avx2", "avx512", 0};
    if (!choice.is_made) {
        int algorithm = from_environment("NUCLEI_CONV", algorithms), isa = from_environment("NUCLEI_ISA", sets);
        if (algorithm < 0 || isa < 0 || ck_conv2d_set_choice((ck_conv2d_algorithm)algorithm, (ck_isa)isa) != CK_OK)
            choice = (struct choice){.is_made = true, .status = CK_BAD_PARAMETER};
    }
    return &choice;
}

ck_status ck_conv2d_choice_status(void) {
    return chosen()->status;
}

/// Floats that one instruction multiplies and adds, including those that nobody needs, for a form to do its work.
static int64_t work(const ck_geometry *g, ck_conv2d_pass pass, const ck_direct_form *form) {
    int64_t k = pass == CK_BACKWARD_DATA ? g->c : g->k;
    int64_t width = pass == CK_BACKWARD_DATA ? ck_ceil_div(g->w, g->stride_w) : g->ow;
    int64_t each = pass == CK_BACKWARD_WEIGHT ? ck_round_up(g->crs, form->p) : g->crs;
    return ck_round_up(k, form->k) * ck_ceil_div(width, form->lanes) * each;
}

const ck_direct_form *ck_conv2d_choose(const ck_geometry *g, ck_conv2d_pass pass) {
    const struct choice *c = chosen();
    if (c->algorithm == CK_CONV2D_IM2COL || !ck_direct_serves(g, pass))
        return NULL;
    const ck_direct_form *best = NULL;
    const ck_direct_form *const tables[] = {ck_direct_avx512, ck_direct_avx2, ck_direct_portable};
    for (int i = 0; i < 3; i++)
        for (const ck_direct_form *form = tables[i]; form->correlate; form++)
            if ((c->isa == CK_ISA_ANY || c->isa == form->isa) && has(form->isa) &&
                (!best || work(g, pass, form) < work(g, pass, best)))
                best = form;
    return best;
}
