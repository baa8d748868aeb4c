/// Layers in 16-bit fixed point for AVX-512 without VNNI: 32 registers of 16 pairs.
#include "fixed/fixed_variant.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))),                   \
                             apply_to = function)

#define LANES 16
#define ADD_PRODUCTS(sum, a, b) ((ivec)_mm512_add_epi32((__m512i)(sum), _mm512_madd_epi16((__m512i)(a), (__m512i)(b))))
#define TILE_K 12
#define TILE_P 2
#define DOT_N 4
#define DOT_O 6
#define VARIANT avx512
#include "fixed/fixed_lanes.h"

#pragma clang attribute pop

const ck_fixed_variant *const ck_fixed_avx512 = &avx512;
#else
const ck_fixed_variant *const ck_fixed_avx512 = NULL;
#endif
