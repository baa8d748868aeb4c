/// Direct convolution for AVX-512: 32 registers of 16 floats.
#include "conv2d/direct/conv2d_direct_plan.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX512
#define LANES 16
#include "conv2d/direct/conv2d_direct_lanes.h"

#define TILE_K 8
#define TILE_P 3
#define NAME(x) x##_8x3
#include "conv2d/direct/conv2d_direct_tile.h"

#define TILE_K 6
#define TILE_P 4
#define NAME(x) x##_6x4
#include "conv2d/direct/conv2d_direct_tile.h"

#pragma clang attribute pop
#endif

const ck_direct_variant *const ck_direct_avx512[] = {
#if defined(__x86_64__)
    &variant_8x3,
    &variant_6x4,
#endif
    NULL,
};
