/// Dot products for AVX2.
#include "ck_dot.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LANES 8
#include "ck_lanes.h"

#define TILE_N 2
#define TILE_O 5
#include "dot_tile.h"

#pragma clang attribute pop

const ck_dot_form ck_dot_avx2 = {CK_ISA_AVX2, TILE_N, multiply};
#else
const ck_dot_form ck_dot_avx2 = {0};
#endif
