/// Batch normalization for any processor.
#include "normalization/batch_norm_planes.h"

const ck_norm_variant ck_norm_portable = NORM_VARIANT;
