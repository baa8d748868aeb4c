/// Layers in 16-bit fixed point for AVX2 with AVX-VNNI, which processors without AVX-512 have.
#include "fixed/fixed_variant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)

#define LANES 8
#define ADD_PRODUCTS(sum, a, b) ((ivec)_mm256_dpwssd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(b)))
#define TILE_K 6
#define TILE_P 1
#define DOT_N 3
#define DOT_O 4
#define VARIANT avxvnni
#include "fixed/fixed_lanes.h"

#pragma clang attribute pop

const ck_fixed_variant *const ck_fixed_avxvnni = &avxvnni;
#else
const ck_fixed_variant *const ck_fixed_avxvnni = NULL;
#endif
