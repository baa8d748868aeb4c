/// Augmentation for AVX-512: registers of 16 floats.
#include "image/image_augment.h"

#if defined(__x86_64__)
// Included here, because the target attribute below must not apply to it.
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))),                   \
                             apply_to = function)

#define REGISTER 16
#include "image/image_augment_lanes.h"

#pragma clang attribute pop

const ck_augment_variant ck_augment_avx512 = CK_AUGMENT_VARIANT(CK_ISA_AVX512);
#else
const ck_augment_variant ck_augment_avx512;
#endif
