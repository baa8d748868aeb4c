/// The part of a decoder that does not depend on the format: its file, its failure, and the calls it implements.
#ifndef CIC_READER_H
#define CIC_READER_H

#include "failure.h"

#include <stdint.h>
#include <stdio.h>

/// A format. All functions but release fail by cic_fail.
typedef struct cic_decoder {
    /// Size of the decoder's struct, whose first member is a cic_reader.
    size_t size;
    /// Reads the header and sets width and height.
    void (*start)(cic_reader *reader);
    /// Decodes count rows and advances next_row.
    void (*read)(cic_reader *reader, uint8_t *rgb, int32_t count);
    /// Frees the decoder's own memory, but not the struct. start may have failed at any point.
    void (*release)(cic_reader *reader);
} cic_decoder;

struct cic_reader {
    cic_failure failure;
    const cic_decoder *decoder;
    int32_t width, height, next_row;
    FILE *file;
    /// Bytes; -1 when the file is not a regular one.
    int64_t file_size;
};

/// Makes a zeroed reader, takes over the file and reads the header. Used by the opening functions.
cic_status cic_reader_open(cic_reader **reader, int file, const cic_decoder *decoder);
/// Reads 1 to capacity bytes; fails at the end of the file and on system errors.
size_t cic_reader_fetch(cic_reader *reader, uint8_t *bytes, size_t capacity);

#endif
