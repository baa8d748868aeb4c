/// A PNG image that is decoded: its layout and the form of its rows.
#ifndef CIC_PNG_READER_H
#define CIC_PNG_READER_H

#include "reader.h"

#include <png.h>

typedef struct png_reader png_reader;

struct png_reader {
    cic_reader base;
    png_structp png;
    png_infop info;
    /// Samples per pixel and bytes per sample in libpng's rows.
    int32_t samples, sample_bytes;
    /// Bytes per pixel in the caller's rows.
    int32_t pixel_bytes;
    /// target[count][pixel_bytes] from a row of libpng; null where both are the same.
    void (*convert)(png_reader *r, uint8_t *target, const uint8_t *row, int64_t count);
    bool interlaced;
    /// libpng's output: the whole image if interlaced, else one row; null where rows are decoded in place.
    uint8_t *pixels;
    /// RGB, composed over white.
    uint8_t palette[3 * PNG_MAX_PALETTE_LENGTH];
    int32_t palette_count;
};

/// Reads the header and checks the size.
void cic_png_read_header(png_reader *r);
/// Applies libpng's transformations, which the caller has chosen, and lays out its rows.
void cic_png_lay_out(png_reader *r);
/// Fails for an index beyond the palette.
void cic_png_check_index(png_reader *r, uint32_t index);
/// Functions of a cic_decoder.
void cic_png_read_rows(cic_reader *reader, uint8_t *rows, int32_t count);
void cic_png_release(cic_reader *reader);

#endif
