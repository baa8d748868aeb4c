/// Shared by pixel_probabilities.c and its variants (private).
#ifndef CK_PIXEL_ROWS_H
#define CK_PIXEL_ROWS_H

#include "runtime/ck_internal.h"

/// Writes the probabilities of 2 * count pixels of a row: interior, and interior or boundary. The logits of even pixels
/// are in every fourth channel, those of odd pixels in the next one; `channel` is the distance between two channels.
/// Returns whether all probabilities are finite.
typedef bool ck_classify_row(float *interior, float *nucleus, const float *logits, int64_t channel, int64_t count);

/// Null for instruction sets that are not compiled.
extern ck_classify_row *const ck_classify_row_portable, *const ck_classify_row_avx2, *const ck_classify_row_avx512;

#endif
