/// The steps of augmentation for one instruction set: included once, with REGISTER, the floats of a register, defined
/// and the instruction set as the target of the functions that follow.
#include "image/image_augment.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors longer than a register are passed to functions that are inlined: no other compiler has to agree how.
#pragma clang diagnostic ignored "-Wpsabi"

/// Long sums of products wait for each other: vectors fill two registers, so that one computes while the other waits.
#define LANES (2 * REGISTER)

typedef float vec __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef int32_t ints __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef uint32_t words __attribute__((ext_vector_type(LANES), aligned(4), may_alias));

static inline vec load(const float *p) {
    return *(const vec *)p;
}

static inline void store(float *p, vec v) {
    *(vec *)p = v;
}

static inline vec to_floats(words v) {
    // Signed numbers are converted faster; ours are small.
    return __builtin_convertvector((ints)v, vec);
}

static inline ints to_ints(vec v) {
    return __builtin_convertvector(v, ints);
}

static inline vec smaller(vec a, vec b) {
    return a < b ? a : b;
}

static inline vec larger(vec a, vec b) {
    return a > b ? a : b;
}

static inline vec magnitude(vec v) {
    return (vec)((words)v & 0x7FFFFFFF);
}

/// Not a number becomes `low`.
static inline vec held(vec v, float low, float high) {
    return smaller(larger(v, (vec)low), (vec)high);
}

#include "image/image_augment_blur_lanes.h"
#include "image/image_augment_geometry_lanes.h"
#include "image/image_augment_jpeg_lanes.h"
#include "image/image_augment_pixel_lanes.h"
#include "runtime/random_normal_lanes.h"

#define CK_AUGMENT_FORM(isa)                                                                                           \
    { isa, affine_row, pixel_row, pack_row, write_row, blur_row, add_noise, compress_rows, normal_pairs }
