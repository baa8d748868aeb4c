/// The transform variant of convolution for AVX-512: 32 registers of 16 floats.
#include "conv2d/winograd/ck_winograd.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

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

const ck_winograd_variant ck_winograd_avx512[] = {
#if defined(__x86_64__)
    {CK_ISA_AVX512, 16, 5, 8, 3, transform_filters_5_8x3, correlate_5_8x3, 8, 2, sum_products_5_8x3,
     transform_sums_5_8x3},
    {CK_ISA_AVX512, 16, 5, 6, 4, transform_filters_5_6x4, correlate_5_6x4, 6, 1, sum_products_5_6x4,
     transform_sums_5_6x4},
    {CK_ISA_AVX512, 16, 3, 8, 3, transform_filters_3_8x3, correlate_3_8x3, 8, 2, sum_products_3_8x3,
     transform_sums_3_8x3},
    {CK_ISA_AVX512, 16, 3, 6, 4, transform_filters_3_6x4, correlate_3_6x4, 6, 1, sum_products_3_6x4,
     transform_sums_3_6x4},
    {CK_ISA_AVX512, 16, 3, 16, 1, transform_filters_3_16x1, correlate_3_16x1, 16, 1, sum_products_3_16x1,
     transform_sums_3_16x1},
#endif
    {0},
};
