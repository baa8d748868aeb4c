/// A TIFF image that is decoded: its file, its layout and its colors.
#ifndef CIC_TIFF_READER_H
#define CIC_TIFF_READER_H

#include "reader.h"
#include "tiff_header.h"

/// Bytes. A row of tiles, and an image that is turned, are held whole; larger ones are an error.
#define CIC_TIFF_MOST_MEMORY (INT64_C(1) << 31)

/// Colors of an image and its alpha.
enum { MOST_PLANES = 5 };

/// A plane of samples: all of them where they are interleaved, else those of one color. Each plane has its own libtiff
/// handle, because a handle decodes a strip again when it returns from the strip of another plane.
typedef struct tiff_plane {
    tiff_stream stream;
    TIFF *tiff;
    /// Index of the plane in the file.
    uint16_t index;
    /// The current row, or the current row of tiles.
    uint8_t *samples;
} tiff_plane;

typedef struct tiff_reader {
    cic_reader base;
    tiff_log log;
    /// Whether pixels become labels, not RGB.
    bool reads_labels;
    TIFFOpenOptions *options;
    cic_tiff_header header;
    uint16_t photometric, compression, format;
    tiff_plane planes[MOST_PLANES];
    int32_t plane_count;
    bool is_interleaved;
    /// Samples of a pixel that are colors.
    int32_t colors;
    /// Index of the alpha sample; -1 without one.
    int32_t alpha;
    bool is_premultiplied;
    /// Bytes of a row of one plane, of a strip or of a tile.
    size_t row_bytes;
    /// Tiles side by side; 0 for strips. Index of the current row of tiles.
    int32_t across, tile_row;
    size_t tile_bytes;
    /// Bytes per pixel in the caller's rows: RGB or a label.
    int32_t pixel_bytes;
    /// [1 << bits]: samples as bytes; inverted where 0 is white.
    uint8_t *bytes;
    /// [1 << bits][3]; null without a palette.
    uint8_t *palette;
    /// [width][4]: colors and alpha of a row.
    uint8_t *mixed;
    /// [height][width][pixel_bytes]: the whole image, turned; null where rows are stored upright.
    uint8_t *turned;
} tiff_reader;

/// Fails with libtiff's reason, or with that of the operating system.
__attribute__((noreturn)) void cic_tiff_reader_fail(tiff_reader *r, cic_status status);
/// Memory for count x size bytes, and a few more that reading of bits may touch. Fails beyond CIC_TIFF_MOST_MEMORY.
void *cic_tiff_reader_allocate(tiff_reader *r, int64_t count, int64_t size);

// Colors (tiff_color.c)

/// Sets the number of colors and the place of alpha. Samples that the file does not call alpha are left out.
void cic_tiff_read_colors(tiff_reader *r, TIFF *tiff);
/// A sample of 1 to 16 or of 32 bits.
uint32_t cic_tiff_sample(const uint8_t *samples, size_t index, int32_t bits);
/// Checks that the pixels of the file can be converted, and prepares that. tiff: the first plane.
void cic_tiff_prepare_colors(tiff_reader *r, TIFF *tiff);
/// rgb[count][3]: pixels of one row, composed over white. offset: bytes from the start of each plane's samples.
void cic_tiff_convert(tiff_reader *r, uint8_t *rgb, size_t offset, int32_t count);

// Labels (tiff_labels.c)

/// Checks that the pixels of the file can be labels. tiff: the first plane.
void cic_tiff_prepare_labels(tiff_reader *r, TIFF *tiff);
/// target[count]: labels of one row, of 4 bytes. offset: as above.
void cic_tiff_convert_labels(tiff_reader *r, uint8_t *target, size_t offset, int32_t count);

#endif
