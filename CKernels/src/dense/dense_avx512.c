/// Dense layers and optimizer steps for AVX-512: 32 registers of 16 floats.
#include "dense/ck_dense.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma"))), apply_to = function)

#define ISA CK_ISA_AVX512
#define LANES 16
#define DOT_N 4
#define DOT_O 6
#define DATA_N 8
#define DATA_V 3
#define WEIGHT_O 6
#define WEIGHT_V 4
#include "dense/dense_tile.h"

#pragma clang attribute pop

const ck_dense_variant ck_dense_avx512 = VARIANT;
#else
const ck_dense_variant ck_dense_avx512 = {0};
#endif
