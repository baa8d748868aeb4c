/// Leaf functions without OpenMP, one for each instruction set: the outlined body of a parallel region ignores the
/// target attribute.
#include "CMachinePeak.h"

/// Independent sums: more than two units with a latency of five cycles have in flight, and few enough for the registers
/// of AVX2.
enum { SUMS = 12 };

/// Factor and addend let the sums converge slowly from 2 to 1. A sum that starts at 1 would stay constant, and the
/// compiler could remove the loop.
#define MULTIPLY_ADD(vector, lanes, rounds, result)                                                                    \
    _Pragma("clang fp contract(fast)") vector sums[SUMS];                                                              \
    const vector factor = (vector){0} + 0.999999f, addend = (vector){0} + 1e-6f;                                       \
    for (int i = 0; i < SUMS; i++)                                                                                     \
        sums[i] = (vector){0} + 2.0f + 1e-3f * (float)i;                                                               \
    for (int64_t round = 0; round < rounds; round++)                                                                   \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) sums[i] = sums[i] * factor + addend;         \
    float result = 0;                                                                                                  \
    for (int i = 0; i < SUMS; i++)                                                                                     \
        for (int lane = 0; lane < lanes; lane++)                                                                       \
            result += sums[i][lane];

typedef float four __attribute__((vector_size(16)));

static float portable(int64_t rounds) {
    MULTIPLY_ADD(four, 4, rounds, result)
    return result;
}

typedef struct variant {
    const char *name;
    int32_t lanes;
    float (*multiply_add)(int64_t rounds);
} variant;

#if defined(__x86_64__)
typedef float eight __attribute__((vector_size(32)));
typedef float sixteen __attribute__((vector_size(64)));

__attribute__((target("avx2,fma"))) static float avx2(int64_t rounds) {
    MULTIPLY_ADD(eight, 8, rounds, result)
    return result;
}

__attribute__((target("avx512f,fma"))) static float avx512(int64_t rounds) {
    MULTIPLY_ADD(sixteen, 16, rounds, result)
    return result;
}
#endif

static variant best(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (variant){"AVX-512", 16, avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (variant){"AVX2", 8, avx2};
#endif
    return (variant){"portable", 4, portable};
}

const char *mp_instructions(void) {
    return best().name;
}

double mp_multiply_add(float *sum, int64_t rounds, int32_t threads) {
    variant variant = best();
    float total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    total += variant.multiply_add(rounds);
    *sum = total;
    return 2.0 * SUMS * (double)variant.lanes * (double)rounds * threads;
}
