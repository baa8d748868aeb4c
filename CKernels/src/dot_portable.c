/// Dot products for any processor with vectors of 4 floats, such as SSE and NEON.
#include "ck_dot.h"

#define LANES 4
#include "ck_lanes.h"

#define TILE_N 2
#define TILE_O 4
#include "dot_tile.h"

const ck_dot_form ck_dot_portable = {CK_ISA_PORTABLE, TILE_N, multiply};
