/// The transform variant of convolution for any processor with vectors of 4 floats, such as SSE and NEON.
#include "conv2d/winograd/ck_winograd.h"

#define LANES 4
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

const ck_winograd_variant ck_winograd_portable[] = {
    {CK_ISA_PORTABLE, 4, 5, 6, 2, transform_filters_5_6x2, correlate_5_6x2, 6, 2, sum_products_5_6x2,
     transform_sums_5_6x2},
    {CK_ISA_PORTABLE, 4, 5, 4, 2, transform_filters_5_4x2, correlate_5_4x2, 4, 2, sum_products_5_4x2,
     transform_sums_5_4x2},
    {CK_ISA_PORTABLE, 4, 3, 6, 2, transform_filters_3_6x2, correlate_3_6x2, 6, 2, sum_products_3_6x2,
     transform_sums_3_6x2},
    {CK_ISA_PORTABLE, 4, 3, 4, 2, transform_filters_3_4x2, correlate_3_4x2, 4, 2, sum_products_3_4x2,
     transform_sums_3_4x2},
    {0},
};
