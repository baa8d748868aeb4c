/// Layers in 16-bit fixed point: included once for each instruction set, with LANES defined, the instruction set
/// as target attribute, and
///   TILE_K                filters whose sums stay in registers; divides CK_FIXED_BLOCK
///   TILE_P                vectors of tiles whose sums stay in registers; divides CK_FIXED_VECTORS
///   ADD_PRODUCTS(s, a, b) s plus the products of the pairs of a and b, modulo 2^32
///   DOT_N, DOT_O          samples and outputs of a block of dot products
///   VARIANT               name of the result
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.
#include "conv2d/direct/conv2d_direct_lanes.h"
#include "fixed/fixed_variant.h"

typedef int32_t uvec __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef uint32_t wrapping __attribute__((ext_vector_type(LANES)));
typedef int16_t shorts __attribute__((ext_vector_type(2 * LANES)));

static inline ivec load_pairs(const int32_t *p) {
    return *(const uvec *)p;
}

static inline void store_pairs(int32_t *p, ivec v) {
    *(uvec *)p = v;
}

/// Stores the first min(count, LANES) elements.
static inline void store_first_pairs(int32_t *p, ivec v, int64_t count) {
    if (count >= LANES)
        store_pairs(p, v);
    else
        for (int64_t i = 0; i < count; i++)
            p[i] = v[i];
}

/// The first min(count, LANES) elements, then zeros.
static inline ivec load_first_pairs(const int32_t *p, int64_t count) {
    if (count >= LANES)
        return load_pairs(p);
    ivec v = (ivec)(0);
    for (int64_t i = 0; i < count; i++)
        v[i] = p[i];
    return v;
}

/// Values of the sums of filter k, in units of the output's scale. `residual` has the pairs of k and its neighbor.
static inline vec value_of(ivec sums, const ck_fixed_outputs *y, int64_t k, ivec residual) {
#pragma clang fp contract(off)
    vec v = __builtin_convertvector(sums, vec) * (vec)(y->factor[k]);
    v = v + (vec)(y->shift[k]);
    if (!y->residual)
        return v;
    ivec own = k % 2 ? residual >> 16 : residual << 16 >> 16;
    return v + __builtin_convertvector(own, vec) * (vec)(y->residual_factor);
}

static inline vec limited(vec v, float least, float most) {
    v = v > (vec)(least) ? v : (vec)(least);
    return v < (vec)(most) ? v : (vec)(most);
}

/// The nearest integers of the values of two filters. Adding 1.5 * 2^23 leaves the integer in the lowest bits.
static inline ivec pairs_of(vec even, vec odd, float least) {
    const float round = 12582912.0f;
    ivec low = (ivec)(limited(even, least, CK_FIXED_LARGEST) + round);
    ivec high = (ivec)(limited(odd, least, CK_FIXED_LARGEST) + round);
    return (low & 0xFFFF) | (high << 16);
}

static inline vec rectified(vec v, float least) {
    return least == 0 ? relu_of(v) : v;
}

#include "fixed/fixed_direct.h"
#include "fixed/fixed_winograd.h"

#define MULTIPLY_ADD(sum, a, b) ((vec)ADD_PRODUCTS((ivec)(sum), (ivec)(a), (ivec)(b)))
#define FLOATS(sum) __builtin_convertvector((ivec)(sum), vec)
#define DOT_STEPS CK_FIXED_DENSE_STEPS
#include "dense/dense_dots.h"

static void pair(float *out, const float *even, const float *odd, int64_t count, float factor) {
    for (int64_t i = 0; i < count; i += LANES) {
        vec low = load_part(even + i, count - i), high = odd ? load_part(odd + i, count - i) : (vec)(0.0f);
        ivec both = pairs_of(low * (vec)(factor), high * (vec)(factor), -CK_FIXED_LARGEST);
        store_elements(out + i, (vec)both, count - i);
    }
}

static inline ivec limited_sum(ivec a, ivec b) {
    shorts sum = (shorts)a + (shorts)b;
    const shorts most = (shorts)(int16_t)CK_FIXED_LARGEST;
    sum = sum > most ? most : sum;
    return (ivec)(sum < -most ? -most : sum);
}

static void upsample_add(int32_t *y, const int32_t *skip, const int32_t *x, int64_t count) {
    int64_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vec coarse = load((const float *)(x + i / 2));
        store_pairs(y + i, limited_sum(load_pairs(skip + i), (ivec)first_halves(coarse, coarse)));
        store_pairs(y + i + LANES, limited_sum(load_pairs(skip + i + LANES), (ivec)second_halves(coarse, coarse)));
    }
    for (; i < count; i++)
        y[i] = limited_sum((ivec)(skip[i]), (ivec)(x[i / 2]))[0];
}

static const ck_fixed_variant VARIANT = {
    .direct = {.lanes = LANES, .k = CK_FIXED_BLOCK, .p = CK_FIXED_VECTORS},
    .correlate = correlate,
    .transform = transform,
    .dots = DOTS,
    .pair = pair,
    .upsample_add = upsample_add,
};
