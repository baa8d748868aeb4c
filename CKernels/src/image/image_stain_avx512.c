/// Rows of the density of a stain for AVX-512.
#include "image/image_stain.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))),                   \
                             apply_to = function)

#define LANES 16
#define VARIANT avx512
#include "image/image_stain_lanes.h"

#pragma clang attribute pop

const ck_stain_rows *const ck_stain_rows_avx512 = &avx512;
#else
const ck_stain_rows *const ck_stain_rows_avx512 = NULL;
#endif
