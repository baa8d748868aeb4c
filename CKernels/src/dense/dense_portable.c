/// Dense layers and optimizer steps for any processor, with vectors of 4 floats.
#include "dense/ck_dense.h"

#define ISA CK_ISA_PORTABLE
#define LANES 4
#define DOT_N 3
#define DOT_O 4
#define DATA_N 4
#define DATA_V 3
#define WEIGHT_O 4
#define WEIGHT_V 3
#include "dense/dense_tile.h"

const ck_dense_variant ck_dense_portable = VARIANT;
