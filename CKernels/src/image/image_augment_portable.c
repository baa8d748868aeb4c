/// Augmentation for any processor with registers of 4 floats, such as SSE and NEON.
#define REGISTER 4
#include "image/image_augment_lanes.h"

const ck_augment_form ck_augment_portable = CK_AUGMENT_FORM(CK_ISA_PORTABLE);
