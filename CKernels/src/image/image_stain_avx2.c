/// Rows of the density of a stain for AVX2.
#include "image/image_stain.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LANES 8
#define VARIANT avx2
#include "image/image_stain_lanes.h"

#pragma clang attribute pop

const ck_stain_rows *const ck_stain_rows_avx2 = &avx2;
#else
const ck_stain_rows *const ck_stain_rows_avx2 = NULL;
#endif
