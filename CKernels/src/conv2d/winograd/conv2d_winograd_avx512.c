/// Winograd's transforms for AVX-512: 32 registers of 16 floats.
#include "conv2d/winograd/conv2d_winograd_plan.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX512
#define LANES 16
#include "conv2d/winograd/conv2d_winograd_lanes.h"

#define KERNEL 5
#define TILE_K 8
#define TILE_P 3
#define SUM_C 8
#define SUM_V 2
#define NAME(x) x##_5_8x3
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 5
#define TILE_K 6
#define TILE_P 4
#define SUM_C 6
#define SUM_V 1
#define NAME(x) x##_5_6x4
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 3
#define TILE_K 8
#define TILE_P 3
#define SUM_C 8
#define SUM_V 2
#define NAME(x) x##_3_8x3
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 3
#define TILE_K 6
#define TILE_P 4
#define SUM_C 6
#define SUM_V 1
#define NAME(x) x##_3_6x4
#include "conv2d/winograd/conv2d_winograd_tile.h"

#define KERNEL 3
#define TILE_K 16
#define TILE_P 1
#define SUM_C 16
#define SUM_V 1
#define NAME(x) x##_3_16x1
#include "conv2d/winograd/conv2d_winograd_tile.h"

#pragma clang attribute pop
#endif

const ck_winograd_variant *const ck_winograd_avx512[] = {
#if defined(__x86_64__)
    &variant_5_8x3, &variant_5_6x4, &variant_3_8x3, &variant_3_6x4, &variant_3_16x1,
#endif
    NULL,
};
