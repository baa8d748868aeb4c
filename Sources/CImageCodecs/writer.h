/// What the encoders share: buffered output, the sticky failure and the way out of a library call.
#ifndef CIC_WRITER_H
#define CIC_WRITER_H

#include "CImageCodecs.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

/// First member of each encoder's own struct.
struct cic_writer {
    int32_t width, height, next_row;
    int file;
    cic_status status;
    char message[200];
    jmp_buf escape;
    /// Encodes one row; fails by cic_writer_fail.
    void (*write_row)(cic_writer *writer, const uint8_t *row);
    /// Encodes what follows the last row.
    void (*finish)(cic_writer *writer);
    /// Frees what the encoder holds, however far opening went, but not the struct.
    void (*release)(cic_writer *writer);
    /// Samples a pixel.
    int32_t channels;
    /// Bytes of a row as it is handed over.
    size_t row_bytes;
    size_t used;
    uint8_t buffer[1 << 16];
};

/// Runs start, which writes the header and fails by cic_writer_fail.
cic_status cic_writer_start(cic_writer *writer, void (*start)(cic_writer *));
/// Records a failure and leaves the call of the writer that is running. format: printf's.
__attribute__((noreturn, format(printf, 3, 4))) void cic_writer_fail(cic_writer *writer, cic_status status,
                                                                     const char *format, ...);
/// Appends bytes to the file by way of the buffer.
void cic_writer_put(cic_writer *writer, const uint8_t *bytes, size_t count);

#endif
