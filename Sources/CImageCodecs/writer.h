/// The part of an encoder that does not depend on the format: buffered output, its failure, and the calls it
/// implements.
#ifndef CIC_WRITER_H
#define CIC_WRITER_H

#include "failure.h"

#include <stddef.h>
#include <stdint.h>

/// A format. All functions but release fail by cic_fail.
typedef struct cic_encoder {
    /// Size of the encoder's struct, whose first member is a cic_writer.
    size_t size;
    /// Writes the header.
    void (*start)(cic_writer *writer);
    /// Encodes one row.
    void (*write_row)(cic_writer *writer, const uint8_t *row);
    /// Encodes one row of runs; null if the format has no faster way than write_row.
    void (*write_runs)(cic_writer *writer, const cic_run *runs, int32_t count);
    /// Completes the image after its last row.
    void (*finish)(cic_writer *writer);
    /// Frees the encoder's own memory, but not the struct. start may have failed at any point.
    void (*release)(cic_writer *writer);
} cic_encoder;

struct cic_writer {
    cic_failure failure;
    const cic_encoder *encoder;
    int file;
    int32_t width, height, next_row;
    /// Samples per pixel, and bytes per sample as the caller passes it.
    int32_t channels, sample_bytes;
    /// Bytes of a row as the caller passes it.
    size_t row_bytes;
    /// A row that runs are painted in, if needed.
    uint8_t *painted;
    size_t used;
    uint8_t buffer[1 << 16];
};

/// Makes a zeroed writer; null when memory is short. The opening function fills in its format's members, then calls
/// cic_writer_start.
void *cic_writer_create(cic_writer **writer, const cic_encoder *encoder, int file, int32_t width, int32_t height,
                        int32_t channels, int32_t sample_bytes);
/// Writes the header.
cic_status cic_writer_start(cic_writer *writer);
/// Sets the pixels of runs in a row of samples of 1 or 4 bytes.
void cic_paint_runs(uint8_t *row, int32_t sample_bytes, const cic_run *runs, int32_t count);
/// Appends bytes to the file through the buffer.
void cic_writer_put(cic_writer *writer, const uint8_t *bytes, size_t count);

#endif
