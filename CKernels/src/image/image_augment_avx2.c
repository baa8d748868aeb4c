/// Augmentation for AVX2: registers of 8 floats.
#include "image/image_augment.h"

#if defined(__x86_64__)
// Included here, because the target attribute below must not apply to it.
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define REGISTER 8
#include "image/image_augment_lanes.h"

#pragma clang attribute pop

const ck_augment_variant ck_augment_avx2 = CK_AUGMENT_VARIANT(CK_ISA_AVX2);
#else
const ck_augment_variant ck_augment_avx2;
#endif
