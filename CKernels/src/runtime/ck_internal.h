/// Shared by the kernels' sources; not part of the contract.
#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include "ckernels.h"

#include <math.h>
#include <string.h>

// Debian's omp.h lives in folders of other compilers' built-in headers, which must not be put on this one's path.
int omp_get_max_threads(void);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
void omp_set_num_threads(int);
void omp_set_dynamic(int);

static inline int64_t ck_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}
static inline int64_t ck_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}
static inline int64_t ck_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/// Elementwise work is cut into pieces of this many elements: large enough to hide the cost of a piece.
enum { CK_PIECE = 1 << 15 };

/// out[i] = number first + i of an endless list of independent normal numbers N(0, 1) that belongs to the seed
/// (random_normal.c). Makes 128 at a time: ask for long runs.
void ck_normal_numbers(float *out, int64_t first, int64_t count, uint64_t seed);

/// BLAS must not start threads of its own inside our parallel regions.
void ck_use_serial_blas(void);

#endif
