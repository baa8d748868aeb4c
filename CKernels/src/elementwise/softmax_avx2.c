/// Softmax for AVX2 and FMA.
#include "elementwise/ck_softmax.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "elementwise/softmax.h"

#pragma clang attribute pop

const ck_softmax ck_softmax_avx2 = {sum, probabilities};
#else
const ck_softmax ck_softmax_avx2 = {NULL, NULL};
#endif
