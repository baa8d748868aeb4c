/// Softmax of elements side by side, for kernels that need probabilities (private).
#ifndef CK_SOFTMAX_H
#define CK_SOFTMAX_H

#include "runtime/ck_internal.h"

/// Elements of a call at most, so that results stay in the first-level cache.
enum { CK_SOFTMAX_COUNT = 128 };

/// Sums over the classes of some elements. The probability of a class is p = exp(logit - largest) * scale, and -log p
/// is largest - logit + log, also where p rounds to 0.
typedef struct ck_softmax_sums {
    /// The largest logit of each element.
    float largest[CK_SOFTMAX_COUNT];
    /// The logarithm of the sum of exp(logit - largest), and 1 / the sum.
    float log[CK_SOFTMAX_COUNT], scale[CK_SOFTMAX_COUNT];
} ck_softmax_sums;

/// Softmax for an instruction set. The logits of a class are side by side.
typedef struct ck_softmax {
    /// Sums over the classes, which follow at a distance of `plane`, of `count` elements.
    void (*sum)(ck_softmax_sums *sums, const float *logits, int64_t classes, int64_t plane, int64_t count);
    /// Probabilities of the class whose logits are given.
    void (*probabilities)(float *p, const ck_softmax_sums *sums, const float *logits, int64_t count);
} ck_softmax;

/// Functions are null for instruction sets that are not compiled.
extern const ck_softmax ck_softmax_portable, ck_softmax_avx2, ck_softmax_avx512;

/// The variant for the selected instruction set; null where NUCLEI_ISA is invalid.
const ck_softmax *ck_choose_softmax(void);

#endif
