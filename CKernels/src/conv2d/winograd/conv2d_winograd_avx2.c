/// Winograd's transforms for AVX2 and FMA: 16 registers of 8 floats.
#include "conv2d/winograd/conv2d_winograd_plan.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX2
#define LANES 8
#include "conv2d/winograd/conv2d_winograd_lanes.h"

#define KERNEL 5
#define TILE_K 6
#define TILE_P 2
#define SUM_C 6
#define SUM_V 2
#define NAME(x) x##_5_6x2
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 5
#define TILE_K 4
#define TILE_P 2
#define SUM_C 4
#define SUM_V 2
#define NAME(x) x##_5_4x2
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 3
#define TILE_K 6
#define TILE_P 2
#define SUM_C 6
#define SUM_V 2
#define NAME(x) x##_3_6x2
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 3
#define TILE_K 4
#define TILE_P 2
#define SUM_C 4
#define SUM_V 2
#define NAME(x) x##_3_4x2
#include "conv2d/winograd/conv2d_winograd_tile.h"

#pragma clang attribute pop
#endif

const ck_winograd_variant *const ck_winograd_avx2[] = {
#if defined(__x86_64__)
    &variant_5_6x2, &variant_5_4x2, &variant_3_6x2, &variant_3_4x2,
#endif
    NULL,
};
