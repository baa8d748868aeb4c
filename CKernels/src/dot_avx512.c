/// Dot products for AVX-512.
#include "ck_dot.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define LANES 16
#include "ck_lanes.h"

#define TILE_N 4
#define TILE_O 6
#include "dot_tile.h"

#pragma clang attribute pop

const ck_dot_form ck_dot_avx512 = {CK_ISA_AVX512, TILE_N, multiply};
#else
const ck_dot_form ck_dot_avx512 = {0};
#endif
