/// Layers in 16-bit fixed point for any processor.
#define LANES 4
#define ADD_PRODUCTS(sum, a, b)                                                                                        \
    ((ivec)((wrapping)(sum) + (wrapping)(((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))))
#define TILE_K 4
#define TILE_P 1
#define DOT_N 3
#define DOT_O 4
#define VARIANT portable
#include "fixed/fixed_lanes.h"

const ck_fixed_variant *const ck_fixed_portable = &portable;
