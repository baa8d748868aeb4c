/// The transform form of convolution for any processor with vectors of 4 floats, such as SSE and NEON.
#include "ck_winograd.h"

#define LANES 4
#include "conv2d_winograd_lanes.h"

#define TILE_K 6
#define TILE_P 2
#define SUM_C 6
#define SUM_V 2
#define NAME(x) x##_6x2
#include "conv2d_winograd_tile.h"

#define TILE_K 4
#define TILE_P 2
#define SUM_C 4
#define SUM_V 2
#define NAME(x) x##_4x2
#include "conv2d_winograd_tile.h"

const ck_winograd_form ck_winograd_portable[] = {
    {CK_ISA_PORTABLE, 4, 6, 2, transform_filters_6x2, correlate_6x2, 6, 2, sum_products_6x2, transform_sums_6x2},
    {CK_ISA_PORTABLE, 4, 4, 2, transform_filters_4x2, correlate_4x2, 4, 2, sum_products_4x2, transform_sums_4x2},
    {0},
};
