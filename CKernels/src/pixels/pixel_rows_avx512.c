/// Softmax of rows of pixels for AVX-512.
#include "pixels/ck_pixel_rows.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)

#include "pixels/pixel_rows.h"

#pragma clang attribute pop

ck_classify_row *const ck_classify_row_avx512 = classify_row;
#else
ck_classify_row *const ck_classify_row_avx512 = NULL;
#endif
