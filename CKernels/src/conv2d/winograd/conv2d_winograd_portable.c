/// Winograd's transforms for any processor, with vectors of 4 floats as in SSE and NEON.
#include "conv2d/winograd/conv2d_winograd_plan.h"

#define ISA CK_ISA_PORTABLE
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

const ck_winograd_variant *const ck_winograd_portable[] = {
    &variant_5_6x2, &variant_5_4x2, &variant_3_6x2, &variant_3_4x2, NULL,
};
