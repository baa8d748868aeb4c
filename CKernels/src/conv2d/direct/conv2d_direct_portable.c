/// Direct convolution for any processor, with vectors of 4 floats as in SSE and NEON.
#include "conv2d/direct/conv2d_direct_plan.h"

#define ISA CK_ISA_PORTABLE
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

const ck_direct_variant *const ck_direct_portable[] = {
    &variant_6x2,
    &variant_4x2,
    NULL,
};
