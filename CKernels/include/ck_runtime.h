/// Status codes, threads and instruction sets.
#ifndef CK_RUNTIME_H
#define CK_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Names an enumerator in Swift, where these enumerations are imported as closed ones.
#if __has_attribute(swift_name)
#define CK_SWIFT_NAME(name) __attribute__((swift_name(name)))
#else
#define CK_SWIFT_NAME(name)
#endif

/// Result of argument validation.
typedef enum __attribute__((enum_extensibility(closed))) ck_status {
    CK_OK CK_SWIFT_NAME("ok") = 0,
    /// A required pointer is null.
    CK_NULL_POINTER CK_SWIFT_NAME("nullPointer"),
    /// A dimension is negative, or zero where that is not allowed, or a window is larger than its input.
    CK_BAD_DIMENSION CK_SWIFT_NAME("badDimension"),
    /// A parameter such as a probability or a momentum is NaN or out of range.
    CK_BAD_PARAMETER CK_SWIFT_NAME("badParameter"),
    /// The scratch memory is smaller than the query function requires.
    CK_SCRATCH_TOO_SMALL CK_SWIFT_NAME("scratchTooSmall"),
    /// A target class is not below the number of classes.
    CK_BAD_TARGET CK_SWIFT_NAME("badTarget"),
    /// The system refuses the memory that a thread needs.
    CK_OUT_OF_MEMORY CK_SWIFT_NAME("outOfMemory"),
} ck_status;

// Threads (runtime/threads.c)

/// Memory that a thread may need for matrix products, most of it never touched.
enum { CK_BYTES_PER_THREAD = 128 << 20 };

/// Sets the maximum number of threads of all kernels, 1 ... 256, and starts them. Where the system refuses threads or
/// their memory, the maximum is lower. CK_OUT_OF_MEMORY where not even the calling thread has its memory.
ck_status ck_set_thread_count(int32_t count);
/// Maximum number of threads of all kernels.
int32_t ck_thread_count(void);
/// Number of threads in a parallel region. It is 1 in a build without OpenMP, whatever the maximum.
int32_t ck_team_size(void);
/// Calls body(index, thread, context) for each index below `count`, on all threads: each has a part of the indices, and
/// takes some of the others' when it is free. `thread` is below ck_thread_count.
ck_status ck_for_each(int64_t count, void (*body)(int64_t index, int32_t thread, void *context), void *context);

// Instruction sets (runtime/instruction_set.c)

/// Instruction sets that some kernels have variants for.
typedef enum __attribute__((enum_extensibility(closed))) ck_isa {
    /// The best instruction set that the processor supports.
    CK_ISA_ANY CK_SWIFT_NAME("any") = 0,
    CK_ISA_PORTABLE CK_SWIFT_NAME("portable"),
    /// AVX2 with FMA.
    CK_ISA_AVX2 CK_SWIFT_NAME("avx2"),
    /// AVX-512 F, DQ, VL and BW.
    CK_ISA_AVX512 CK_SWIFT_NAME("avx512"),
} ck_isa;

/// Selects the instruction set of kernels with several variants: convolution, dense layers, batch normalization,
/// optimizers, augmentation, fixed point, pixels, distillation, stain and ck_erase. Without a call, the environment
/// variable NUCLEI_ISA (any, portable, avx2, avx512) decides. CK_BAD_PARAMETER when the processor does not support it;
/// these kernels, except those of stain, return the same status when NUCLEI_ISA names an unsupported or unknown
/// instruction set.
ck_status ck_set_isa(ck_isa isa);
/// Whether the processor supports an instruction set. True for CK_ISA_ANY.
bool ck_has_isa(ck_isa isa);
/// Instruction set in use: the selected one, or the best that the processor supports.
ck_isa ck_used_isa(void);

#ifdef __cplusplus
}
#endif

#endif
