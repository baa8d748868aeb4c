/// Softmax of rows of pixels for any processor.
#include "pixels/pixel_rows.h"

ck_classify_row *const ck_classify_row_portable = classify_row;
