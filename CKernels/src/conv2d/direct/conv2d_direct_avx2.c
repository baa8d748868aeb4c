/// Direct convolution for AVX2 and FMA: 16 registers of 8 floats.
#include "conv2d/direct/conv2d_direct_plan.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX2
#define LANES 8
#include "conv2d/direct/conv2d_direct_lanes.h"

#define TILE_K 6
#define TILE_P 2
#define NAME(x) x##_6x2
#include "conv2d/direct/conv2d_direct_tile.h"

#define TILE_K 4
#define TILE_P 2
#define NAME(x) x##_4x2
#include "conv2d/direct/conv2d_direct_tile.h"

#pragma clang attribute pop
#endif

const ck_direct_variant *const ck_direct_avx2[] = {
#if defined(__x86_64__)
    &variant_6x2,
    &variant_4x2,
#endif
    NULL,
};
