/// Augmentation for any processor: vectors of 4 floats, as in SSE and NEON.
#define REGISTER 4
#include "image/image_augment_lanes.h"

const ck_augment_variant ck_augment_portable = CK_AUGMENT_VARIANT(CK_ISA_PORTABLE);
