/// Shared by all kernels (private).
#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include "ckernels.h"

#include <math.h>
#include <string.h>

// Debian installs omp.h next to the built-in headers of another compiler, which must not be on the include path.
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

/// Elements in a piece of elementwise work.
enum { CK_PIECE = 1 << 15 };

/// Limits BLAS to one thread, as it is called inside parallel regions.
void ck_use_serial_blas(void);

#endif
