/// Failures of a codec: the status, its message, and the jump out of a library call.
#ifndef CIC_FAILURE_H
#define CIC_FAILURE_H

#include "CImageCodecs.h"

#include <setjmp.h>
#include <stddef.h>

/// The first failure of a reader or writer; final.
typedef struct cic_failure {
    cic_status status;
    char message[200];
    /// Set by the call that is under way.
    jmp_buf escape;
} cic_failure;

/// Records a failure and jumps out of the call that is under way. format: printf's.
__attribute__((noreturn, format(printf, 3, 4))) void cic_fail(cic_failure *failure, cic_status status,
                                                              const char *format, ...);
/// malloc; fails with CIC_NO_MEMORY.
void *cic_allocate(cic_failure *failure, size_t size);

#endif
