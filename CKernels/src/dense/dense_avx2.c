/// Dense layers and optimizer steps for AVX2 and FMA: 16 registers of 8 floats.
#include "dense/ck_dense.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX2
#define LANES 8
#define DOT_N 3
#define DOT_O 4
#define DATA_N 4
#define DATA_V 3
#define WEIGHT_O 4
#define WEIGHT_V 3
#include "dense/dense_tile.h"

#pragma clang attribute pop

const ck_dense_variant ck_dense_avx2 = VARIANT;
#else
const ck_dense_variant ck_dense_avx2 = {0};
#endif
