/// Layout of scratch memory; not part of the contract.
#ifndef CK_SCRATCH_H
#define CK_SCRATCH_H

#include "runtime/ck_internal.h"

/// Floats of a cache line. Buffers in scratch memory start at multiples of it.
enum { CK_LINE = 16 };

static inline int64_t ck_round_up(int64_t a, int64_t b) {
    return ck_ceil_div(a, b) * b;
}

/// The first cache line boundary in scratch memory; skips fewer than CK_LINE floats.
static inline float *ck_align(float *scratch) {
    return (float *)(((uintptr_t)scratch + 4 * CK_LINE - 1) / (4 * CK_LINE) * (4 * CK_LINE));
}

#endif
