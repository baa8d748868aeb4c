/// Augmentation for one instruction set. The including file defines REGISTER, the number of floats in a register, and
/// sets the target attribute.
#include "image/image_augment.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors longer than a register are passed between inlined functions only, so their ABI does not matter.
#pragma clang diagnostic ignored "-Wpsabi"

/// Vectors fill two registers to hide the latency of dependent multiply-adds.
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
    // Signed conversion is faster; all values are small.
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

/// Clamps v to low ... high; NaN becomes `low`.
static inline vec clamp(vec v, float low, float high) {
    return smaller(larger(v, (vec)low), (vec)high);
}

#include "image/image_augment_blur_lanes.h"
#include "image/image_augment_geometry_lanes.h"
#include "image/image_augment_jpeg_lanes.h"
#include "image/image_augment_pixel_lanes.h"
#include "image/image_noise_lanes.h"

#define CK_AUGMENT_VARIANT(isa)                                                                                        \
    { isa, affine_row, pixel_row, pack_row, write_row, blur_row, sharpen_row, add_noise, compress_rows, normal_pairs }
