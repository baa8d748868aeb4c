/// The transform variant of convolution for AVX2 and FMA: 16 registers of 8 floats.
#include "conv2d/winograd/ck_winograd.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

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

const ck_winograd_variant ck_winograd_avx2[] = {
#if defined(__x86_64__)
    {CK_ISA_AVX2, 8, 5, 6, 2, transform_filters_5_6x2, correlate_5_6x2, 6, 2, sum_products_5_6x2, transform_sums_5_6x2},
    {CK_ISA_AVX2, 8, 5, 4, 2, transform_filters_5_4x2, correlate_5_4x2, 4, 2, sum_products_5_4x2, transform_sums_5_4x2},
    {CK_ISA_AVX2, 8, 3, 6, 2, transform_filters_3_6x2, correlate_3_6x2, 6, 2, sum_products_3_6x2, transform_sums_3_6x2},
    {CK_ISA_AVX2, 8, 3, 4, 2, transform_filters_3_4x2, correlate_3_4x2, 4, 2, sum_products_3_4x2, transform_sums_3_4x2},
#endif
    {0},
};
