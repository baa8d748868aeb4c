/// Layers in 16-bit fixed point for AVX2: 16 registers of 8 pairs.
#include "fixed/fixed_variant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LANES 8
#define ADD_PRODUCTS(sum, a, b) ((ivec)_mm256_add_epi32((__m256i)(sum), _mm256_madd_epi16((__m256i)(a), (__m256i)(b))))
#define TILE_K 6
#define TILE_P 1
#define DOT_N 3
#define DOT_O 4
#define VARIANT avx2
#include "fixed/fixed_lanes.h"

#pragma clang attribute pop

const ck_fixed_variant *const ck_fixed_avx2 = &avx2;
#else
const ck_fixed_variant *const ck_fixed_avx2 = NULL;
#endif
