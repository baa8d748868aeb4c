/// What the decoders share: the file, the sticky failure and the way out of a library call.
#ifndef CIC_READER_H
#define CIC_READER_H

#include "CImageCodecs.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

/// First member of each decoder's own struct.
struct cic_reader {
    int32_t width, height, next_row;
    FILE *file;
    /// Bytes; -1 when the file is not a regular one.
    int64_t file_size;
    cic_status status;
    char message[200];
    jmp_buf escape;
    /// Decodes count rows and advances next_row; fails by cic_reader_fail.
    void (*read)(cic_reader *reader, uint8_t *rgb, int32_t count);
    /// Frees what the decoder holds, however far opening went, but not the struct.
    void (*release)(cic_reader *reader);
};

/// Takes the file and runs start, which reads the header and fails by cic_reader_fail.
cic_status cic_reader_start(cic_reader *reader, int file, void (*start)(cic_reader *));
/// Records a failure and leaves the call of the reader that is running. format: printf's.
__attribute__((noreturn, format(printf, 3, 4))) void cic_reader_fail(cic_reader *reader, cic_status status,
                                                                     const char *format, ...);
/// Reads between 1 and capacity bytes; fails at the end of the file and on errors of the system.
size_t cic_reader_fetch(cic_reader *reader, uint8_t *bytes, size_t capacity);

#endif
