/// Batch normalization for AVX2 and FMA.
#include "normalization/ck_batch_norm.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "normalization/batch_norm_planes.h"

#pragma clang attribute pop

const ck_norm_variant ck_norm_avx2 = NORM_VARIANT;
#else
const ck_norm_variant ck_norm_avx2 = {0};
#endif
