/// Softmax for AVX-512.
#include "elementwise/ck_softmax.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma"))), apply_to = function)

#include "elementwise/softmax.h"

#pragma clang attribute pop

const ck_softmax ck_softmax_avx512 = {sum, probabilities};
#else
const ck_softmax ck_softmax_avx512 = {NULL, NULL};
#endif
