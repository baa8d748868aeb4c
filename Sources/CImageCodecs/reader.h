/// The part of a decoder that does not depend on the format: its file, its failure, and the calls it implements.
#ifndef CIC_READER_H
#define CIC_READER_H

#include "failure.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/// A format. All functions but release fail by cic_fail.
typedef struct cic_decoder {
    /// Size of the decoder's struct, whose first member is a cic_reader.
    size_t size;
    /// Reads the header and sets width and height.
    void (*start)(cic_reader *reader);
    /// Decodes count rows, of RGB or of labels, and advances next_row.
    void (*read)(cic_reader *reader, uint8_t *rows, int32_t count);
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
/// Fails with CIC_TRUNCATED where a header promises more pixels than the file can hold, before memory is allocated.
/// expansion: the most bytes that one compressed byte can become.
void cic_reader_check_size(cic_reader *reader, int32_t width, int32_t height, int64_t bits_per_pixel, double expansion);
/// rgb[count][3] = rgba[count][4] over white. premultiplied: whether colors are multiplied by their alpha.
void cic_compose_over_white(uint8_t *rgb, const uint8_t *rgba, int64_t count, bool premultiplied);
/// rgb[count][3] from cmyk[count][4], without color profiles, as browsers do. inverted: whether 255 is no ink.
void cic_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t count, bool inverted);
/// The label of a pixel: the value of its colors, which are one or three equal ones; 0 where alpha is 0. Fails for
/// other colors, and for an alpha that is neither 0 nor opaque.
uint32_t cic_label(cic_reader *reader, const uint32_t *colors, int32_t count, uint32_t alpha, uint32_t opaque);

#endif
