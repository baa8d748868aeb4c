/// Rows of the density of a stain for any processor.
#define LANES 4
#define VARIANT portable
#include "image/image_stain_lanes.h"

const ck_stain_rows *const ck_stain_rows_portable = &portable;
