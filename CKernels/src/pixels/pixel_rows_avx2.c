/// Softmax of rows of pixels for AVX2 and FMA.
#include "pixels/ck_pixel_rows.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "pixels/pixel_rows.h"

#pragma clang attribute pop

ck_classify_row *const ck_classify_row_avx2 = classify_row;
#else
ck_classify_row *const ck_classify_row_avx2 = NULL;
#endif
