/// Packed weights of convolutions in 16-bit fixed point (private).
#ifndef FIXED_WEIGHTS_H
#define FIXED_WEIGHTS_H

#include "fixed/fixed_variant.h"

/// For each filter a factor and a shift, then blocks of filters, and the same blocks transformed by Winograd if the
/// convolution has a transform. The sizes are those of a block.
typedef struct ck_fixed_weights {
    float *factor, *shift;
    int32_t *panels, *transformed;
    int64_t panel, transformed_panel;
} ck_fixed_weights;

/// Where the parts of packed weights are.
ck_fixed_weights ck_fixed_lay_out_weights(const void *packed, const ck_fixed_conv2d *d);

/// Whether weights are also packed for Winograd's transforms: kernels of 3 with stride 1.
bool ck_fixed_has_transform(const ck_fixed_conv2d *d);

/// CK_OK if weights of the geometry can be packed.
ck_status ck_fixed_check_filters(const ck_fixed_conv2d *d);

#endif
