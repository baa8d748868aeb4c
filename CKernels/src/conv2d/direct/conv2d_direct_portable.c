/// Direct convolution for any processor with vectors of 4 floats, such as SSE and NEON.
#include "conv2d/ck_conv2d.h"

#define LANES 4
#include "conv2d/direct/conv2d_direct_lanes.h"

#define TILE_K 6
#define TILE_P 2
#define NAME(x) x##_6x2
#include "conv2d/direct/conv2d_direct_tile.h"

#define TILE_K 4
#define TILE_P 2
#define NAME(x) x##_4x2
#include "conv2d/direct/conv2d_direct_tile.h"

const ck_direct_variant ck_direct_portable[] = {
    {CK_ISA_PORTABLE, 4, 6, 2, correlate_6x2, sum_products_6x2},
    {CK_ISA_PORTABLE, 4, 4, 2, correlate_4x2, sum_products_4x2},
    {0},
};
