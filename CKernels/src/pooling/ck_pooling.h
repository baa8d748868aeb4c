/// Shared by the pooling kernels (private).
#ifndef CK_POOLING_H
#define CK_POOLING_H

#include "runtime/ck_internal.h"

/// True when b replaces a as the maximum. NaN counts as larger than any number; of equal values the first wins.
static inline bool ck_exceeds(float b, float a) {
    return (b > a) | ((b != b) & (a == a));
}

#endif
