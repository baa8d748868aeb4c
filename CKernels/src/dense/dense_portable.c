/// Dense layers and optimizer steps for any processor: vectors of 4 floats.
#include "dense/ck_dense.h"

#define LANES 4
#define DOT_N 3
#define DOT_O 4
#define DATA_N 4
#define DATA_V 3
#define WEIGHT_O 4
#define WEIGHT_V 3
#include "dense/dense_tile.h"

const ck_dense_variant ck_dense_portable = {CK_ISA_PORTABLE, LANES,           dot,          DOT_N,
                                            DOT_O,           dot_windows,     pack_windows, add_lanes,
                                            backward_data,   backward_weight, step_product, step};
