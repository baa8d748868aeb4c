/// Dot products of rows, as dense layers that are fed piece by piece need them; not part of the contract.
#ifndef CK_DOT_H
#define CK_DOT_H

#include "ck_internal.h"

/// A leaf function for one instruction set.
typedef struct ck_dot_form {
    ck_isa isa;
    /// Rows of x that are taken at once.
    int64_t rows;
    /// sums[N][O] (+)= x[N][count] * w[O][count] transposed. Rows of x are `x_row` floats apart, a multiple of 16 that
    /// holds zeros behind `count`; there are as many of them as N rounded up to `rows`, the last with any content. Rows
    /// of w are `w_row` floats apart. While it works, rows of `next` as long as those of w are fetched into cache.
    void (*multiply)(float *sums, const float *x, int64_t x_row, const float *w, int64_t w_row, const float *next,
                     int64_t n, int64_t o, int64_t count, bool adds);
} ck_dot_form;

extern const ck_dot_form ck_dot_portable, ck_dot_avx2, ck_dot_avx512;

/// The form for the instruction set that convolutions are asked to use, or for the best one.
const ck_dot_form *ck_dot_choose(void);

#endif
