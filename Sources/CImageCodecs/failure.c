#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void cic_fail(cic_failure *failure, cic_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->message, sizeof failure->message, format, arguments);
    va_end(arguments);
    failure->status = status;
    longjmp(failure->escape, 1);
}

void *cic_allocate(cic_failure *failure, size_t size) {
    void *memory = malloc(size);
    if (!memory)
        cic_fail(failure, CIC_NO_MEMORY, "not enough memory");
    return memory;
}
