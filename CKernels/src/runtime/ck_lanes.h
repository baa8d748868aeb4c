/// Vectors of LANES floats for one instruction set. The including file defines LANES as 4, 8 or 16 and sets the target
/// attribute.
#include "runtime/ck_internal.h"

typedef float vec __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((ext_vector_type(LANES)));

#if LANES == 16
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif LANES == 8
#define LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
#define LANE_NUMBERS 0, 1, 2, 3
#endif

static inline vec load(const float *p) {
    return *(const vec *)p;
}

/// A vector from two halves.
static inline vec join(const float *first, const float *second) {
    typedef float half __attribute__((ext_vector_type(LANES / 2), aligned(4), may_alias));
    return __builtin_shufflevector(*(const half *)first, *(const half *)second, LANE_NUMBERS);
}

static inline void store(float *p, vec v) {
    *(vec *)p = v;
}

/// Bitwise v & mask: keeps elements whose mask is all ones.
static inline vec select_elements(vec v, ivec mask) {
    return (vec)((ivec)v & mask);
}

/// Mask of the first min(count, LANES) elements.
static inline ivec lanes_below(int64_t count) {
    const ivec numbers = {LANE_NUMBERS};
    return numbers < (ivec)((int32_t)ck_min(count, LANES));
}

/// Stores the first min(count, LANES) elements.
static inline void store_elements(float *p, vec v, int64_t count) {
    if (count >= LANES) {
        store(p, v);
        return;
    }
    float all[LANES];
    store(all, v);
    for (int64_t i = 0; i < count; i++)
        p[i] = all[i];
}

#if LANES == 16
#define EVEN_ELEMENTS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_ELEMENTS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define FIRST_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SECOND_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define EVEN_IN_QUADS 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define ODD_IN_QUADS 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif LANES == 8
#define EVEN_ELEMENTS 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_ELEMENTS 1, 3, 5, 7, 9, 11, 13, 15
#define FIRST_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define SECOND_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#define EVEN_IN_QUADS 0, 2, 8, 10, 4, 6, 12, 14
#define ODD_IN_QUADS 1, 3, 9, 11, 5, 7, 13, 15
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15
#else
#define EVEN_ELEMENTS 0, 2, 4, 6
#define ODD_ELEMENTS 1, 3, 5, 7
#define FIRST_HALVES 0, 4, 1, 5
#define SECOND_HALVES 2, 6, 3, 7
#define EVEN_IN_QUADS 0, 2, 4, 6
#define ODD_IN_QUADS 1, 3, 5, 7
#define EVEN_QUADS 0, 1, 2, 3
#define ODD_QUADS 4, 5, 6, 7
#endif

/// a0 a2 ... b0 b2 ...
static inline vec even_elements(vec a, vec b) {
    return __builtin_shufflevector(a, b, EVEN_ELEMENTS);
}

static inline vec odd_elements(vec a, vec b) {
    return __builtin_shufflevector(a, b, ODD_ELEMENTS);
}

/// a0 b0 a1 b1 ... from the lower halves of a and b.
static inline vec first_halves(vec a, vec b) {
    return __builtin_shufflevector(a, b, FIRST_HALVES);
}

/// As first_halves, from the upper halves.
static inline vec second_halves(vec a, vec b) {
    return __builtin_shufflevector(a, b, SECOND_HALVES);
}

/// One step of reducing LANES vectors to one vector of their sums: adds adjacent elements within groups of four, or
/// adjacent groups with are_quads. Two steps of the first kind, then steps of the second until one vector is left, put
/// the sum of vector i into element i.
static inline vec add_neighbors(vec a, vec b, bool are_quads) {
    if (are_quads)
        return __builtin_shufflevector(a, b, EVEN_QUADS) + __builtin_shufflevector(a, b, ODD_QUADS);
    return __builtin_shufflevector(a, b, EVEN_IN_QUADS) + __builtin_shufflevector(a, b, ODD_IN_QUADS);
}

/// v with zeros after its first `count` elements.
static inline vec first_elements(vec v, int64_t count) {
    return select_elements(v, lanes_below(count));
}

/// out[2 * j] = a[j], out[2 * j + 1] = b[j], `count` elements in total. A null pointer reads as zeros.
static inline void interleave(float *restrict out, const float *a, const float *b, int64_t count) {
    int64_t j = 0;
    const vec zeros = (vec)(0.0f);
    for (; 2 * (j + LANES) <= count; j += LANES) {
        vec first = a ? load(a + j) : zeros, second = b ? load(b + j) : zeros;
        store(out + 2 * j, first_halves(first, second));
        store(out + 2 * j + LANES, second_halves(first, second));
    }
    for (j *= 2; j < count; j++) {
        const float *from = j % 2 ? b : a;
        out[j] = from ? from[j / 2] : 0;
    }
}
