/// Loops over rows of the density of a stain for each instruction set (private).
#ifndef IMAGE_STAIN_H
#define IMAGE_STAIN_H

#include "runtime/ck_internal.h"

/// The limit of densities, so that those from 1 on are in the last step.
#define CK_DENSITY_LIMIT 0.999999f

typedef struct ck_stain_rows {
    /// As ck_smooth_rows and ck_weigh_odds.
    void (*smooth)(float *sums, const float *const *rows, const float *weights, int64_t radius, int64_t count);
    void (*weigh)(float *probabilities, const float *densities, const float *factors, int64_t steps, int64_t count);
} ck_stain_rows;

/// Null for instruction sets that are not compiled.
extern const ck_stain_rows *const ck_stain_rows_portable, *const ck_stain_rows_avx2, *const ck_stain_rows_avx512;

#endif
