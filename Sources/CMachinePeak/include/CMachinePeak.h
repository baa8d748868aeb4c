/// What a machine can do at most: loops that do nothing but multiply and add in registers, or stream memory. They are
/// what kernels are measured against, and no part of any program but the benchmark.
///
/// The caller takes the time. Sums are returned so that no compiler leaves the work out.
#ifndef CMACHINEPEAK_H
#define CMACHINEPEAK_H

#include <stdint.h>

/// The widest instructions with fused multiply-add that `mp_multiply_add` has and the processor knows: "AVX-512",
/// "AVX2", or "portable" for those that every processor of the kind has.
const char *mp_instructions(void);

/// Runs `rounds` rounds on each of `threads` threads. Returns how many floating-point operations that were, a
/// multiplication and an addition counting as two.
double mp_multiply_add(float *sum, int64_t rounds, int32_t threads);

/// Reads x[count] once: 4 bytes each.
void mp_read(float *sum, const float *x, int64_t count, int32_t threads);

/// a = b + factor * c: 12 bytes for each element, as STREAM counts them (McCalpin 1995).
void mp_triad(float *a, const float *b, const float *c, float factor, int64_t count, int32_t threads);

#endif
