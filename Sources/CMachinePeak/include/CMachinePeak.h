/// Loops for measuring the peak arithmetic and memory bandwidth of the machine, used by kernel-bench only.
///
/// The caller measures the time. Sums are returned so that the compiler cannot remove the work.
#ifndef CMACHINEPEAK_H
#define CMACHINEPEAK_H

#include <stdint.h>

/// Instruction set of `mp_multiply_add`: "AVX-512", "AVX2" or "portable", the widest that the processor supports.
const char *mp_instructions(void);

/// Multiplies and adds in registers for `rounds` rounds on each of `threads` threads. Returns the number of
/// floating-point operations, two for each multiply-add.
double mp_multiply_add(float *sum, int64_t rounds, int32_t threads);

/// Sums x[count], reading 4 bytes per element.
void mp_read(float *sum, const float *x, int64_t count, int32_t threads);

/// a[count] = b + factor * c, moving 12 bytes per element: the triad of STREAM (McCalpin 1995).
void mp_triad(float *a, const float *b, const float *c, float factor, int64_t count, int32_t threads);

#endif
