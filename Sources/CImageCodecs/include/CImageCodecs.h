/// Row-by-row reading and writing with libpng, libjpeg and libtiff. All calls return a status.
///
/// libpng and libjpeg report errors by longjmp, which must not cross Swift code, so this C layer contains it. Nothing
/// is printed. Damage that the libraries only warn about and paint over is an error.
///
/// Rows are ordered from the top, without padding; samples are interleaved, with 8 bits unless stated otherwise. A
/// handle belongs to one thread at a time; different handles are independent. The first failure is final: every later
/// call returns it again. An opening function that fails still returns a handle, which holds the message and must be
/// closed; the handle is null only for CIC_NO_MEMORY.
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CIC_SWIFT_NAME(name) __attribute__((swift_name(#name)))

/// Status of a call. cic_reader_message and cic_writer_message return one line about any status but CIC_OK.
typedef enum __attribute__((enum_extensibility(closed))) cic_status {
    CIC_OK CIC_SWIFT_NAME(ok) = 0,
    CIC_NO_MEMORY CIC_SWIFT_NAME(noMemory),
    /// The file ends before the image does.
    CIC_TRUNCATED CIC_SWIFT_NAME(truncated),
    /// The data violate the format or their checksums.
    CIC_MALFORMED CIC_SWIFT_NAME(malformed),
    /// A valid variant of the format that this layer does not support.
    CIC_UNSUPPORTED CIC_SWIFT_NAME(unsupported),
    /// Reading or writing failed; the message is that of the operating system.
    CIC_IO_FAILED CIC_SWIFT_NAME(ioFailed),
} cic_status;

// Readers (reader.c, png_read.c, png_labels.c, jpeg_read.c, tiff_read.c)

/// An image that is decoded to RGB or to labels.
typedef struct cic_reader cic_reader;

/// Reads the header of a PNG file of any kind. Gray, palettes and samples of 1, 2, 4 and 16 bits become 8-bit RGB;
/// transparency is composed over white. An interlaced image is held in memory whole, any other image row by row. A
/// header that promises more pixels than the file can hold fails here, before memory is allocated. Ancillary chunks
/// with a wrong checksum are left out. file: descriptor open for reading at the first byte; the reader takes ownership,
/// even on failure.
cic_status cic_png_reader_open(cic_reader **reader, int file);
/// Reads the header of a PNG file whose pixels are labels: gray values or palette indices as they are stored, of 1 to
/// 16 bits. Of images with colors, all channels must be equal. Pixels without any opacity have label 0; other
/// transparency fails. file: as above.
cic_status cic_png_label_reader_open(cic_reader **reader, int file);
/// Reads the header of a JPEG file. Gray, YCbCr, CMYK and YCCK become RGB. file: as above.
cic_status cic_jpeg_reader_open(cic_reader **reader, int file);
/// The same at half the width and height, rounded up: fewer coefficients are transformed.
cic_status cic_jpeg_reader_open_halved(cic_reader **reader, int file);
/// Orientation of a JPEG image in its Exif data, 1 to 8, which is not applied; 1 where there is none.
int32_t cic_jpeg_reader_orientation(const cic_reader *reader);

/// The tags of the first image of a TIFF file, as they are stored.
typedef struct cic_tiff_header {
    /// Pixels. Tiles are 0 x 0 where the image is stored in strips.
    int32_t width, height, tile_width, tile_height;
    /// Per pixel, alpha included.
    int32_t samples;
    /// Per sample; and the largest value of the range of samples, less than all bits where the file states so.
    int32_t bits, largest_value;
    /// 1 (upright) to 8.
    int32_t orientation;
    /// Pixels per unit, 0 where not stated; the unit is 1 (none), 2 (inch) or 3 (centimeter).
    double resolution_x, resolution_y;
    int32_t resolution_unit;
    /// The beginning of the Software tag; empty without one.
    char software[64];
} cic_tiff_header;

/// Reads the header of the first image of a TIFF file, in strips or tiles: gray, palettes, RGB, CMYK, and YCbCr with
/// JPEG compression; 1 to 16 bits per sample, which are scaled to 8. Alpha is composed over white, and the image is
/// turned upright. Rows of strips are decoded one by one; a row of tiles, or an image that is turned, is held in memory
/// whole. Stacks of gray pages fail. file: as above.
cic_status cic_tiff_reader_open(cic_reader **reader, int file);
/// Reads the header of the first image of a TIFF file whose pixels are labels: gray values or palette indices as they
/// are stored, of 1 to 16 or 32 bits; negative ones fail. White is 1 where samples have one bit. Colors, transparency,
/// strips, tiles and orientation: as above. file: as above.
cic_status cic_tiff_label_reader_open(cic_reader **reader, int file);
/// Valid while the reader lives.
const cic_tiff_header *cic_tiff_reader_header(const cic_reader *reader);
/// The description tag of the image; empty without one. Valid while the reader lives.
const char *cic_tiff_reader_description(const cic_reader *reader);
/// Reads the tags of the first image without decoding anything. file: descriptor open for reading; owned by the caller.
cic_status cic_tiff_read_header(cic_tiff_header *header, int file);

/// Size in pixels; 0 until the header is read.
int32_t cic_reader_width(const cic_reader *reader);
int32_t cic_reader_height(const cic_reader *reader);
/// Rows read so far; after a failure, the row that failed.
int32_t cic_reader_next_row(const cic_reader *reader);
/// rows: receives the next rows, uint8_t [count][width][3] of RGB, or uint32_t [count][width] of labels. count: at most
/// the number of rows left. The call that reads the last row also checks the rest of the image data.
cic_status cic_reader_read(cic_reader *reader, void *rows, int32_t count);
/// The library's message about the failure; empty without one. Valid while the reader lives.
const char *cic_reader_message(const cic_reader *reader);
/// Frees the reader and closes its file. reader may be null.
void cic_reader_close(cic_reader *reader);

// Compressed tiles (tiles.c, tiles_jpeg.c, tiles_jpeg2000.c)

/// The tiles of an image of a TIFF or BigTIFF file, compressed by JPEG or, as Aperio does, JPEG 2000.
typedef struct cic_tiles cic_tiles;

/// In pixels.
typedef struct cic_rectangle {
    int64_t x, y, width, height;
} cic_rectangle;

/// Finds the first image of a size with such tiles of a size, three samples of 8 bits, YCbCr or RGB; null where there
/// is none. file: descriptor open for reading; the tiles take ownership, even on failure.
cic_tiles *cic_tiles_open(int file, int32_t width, int32_t height, int32_t tile_width, int32_t tile_height);
/// Decodes a rectangle of the image to pixels[height][width] of 0xAARRGGBB, opaque. reduction: 1, or 2 for an image of
/// half the width and height, rounded up, whose pixels the rectangle is in. Fails for any tile that is missing or
/// damaged, or of another kind than most files have; there is no message then, and the pixels are undefined. Any number
/// of threads may call it at a time.
cic_status cic_tiles_read(const cic_tiles *tiles, int32_t reduction, const cic_rectangle *part, uint32_t *pixels);
/// tiles may be null.
void cic_tiles_close(cic_tiles *tiles);

// Writers (writer.c, png_write.c, jpeg_write.c, tiff_write.c)

/// An image that is encoded.
typedef struct cic_writer cic_writer;

/// Pixels start ..< end of a row, of one value.
typedef struct cic_run {
    int32_t start, end;
    uint32_t value;
} cic_run;

/// Writes the header of a PNG file.
/// channels: 1 for gray, filtered for masks, or 3 for RGB.
/// bits: per sample in the file, 8, or 1 or 16 for gray. Rows have samples of 8 bits, with which any but 0 becomes
/// white for 1 bit in the file, or uint16_t samples for 16 bits. compression_level: zlib's, 0 (none) to 9; up to 3,
/// only runs of equal bytes are searched, which is fast. software: the text of that name, in ASCII; null or empty for
/// none. file: descriptor open for writing; owned by the caller, must outlive the writer.
cic_status cic_png_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t channels,
                               int32_t bits, int32_t compression_level, const char *software);
/// Writes the header of a baseline JPEG file without chroma subsampling, at most 65500 pixels a side.
/// quality: libjpeg's, 1 to 100. software: the comment; null or empty for none. file: as above.
cic_status cic_jpeg_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t quality,
                                const char *software);

typedef enum __attribute__((enum_extensibility(closed))) cic_tiff_compression {
    CIC_TIFF_DEFLATE CIC_SWIFT_NAME(deflate) = 0,
    CIC_TIFF_LZW CIC_SWIFT_NAME(lzw),
    /// 8-bit samples only; RGB becomes YCbCr without chroma subsampling.
    CIC_TIFF_JPEG CIC_SWIFT_NAME(jpeg),
} cic_tiff_compression;

/// Format and metadata of a TIFF file.
typedef struct cic_tiff_format {
    int32_t width, height;
    /// 1 for gray or 3 for RGB.
    int32_t channels;
    /// 1: unsigned bytes; 4, gray only: float32, or uint32_t labels.
    int32_t sample_bytes;
    bool has_labels;
    cic_tiff_compression compression;
    /// libjpeg's, 1 to 100; JPEG only.
    int32_t quality;
    /// Side of a tile in pixels, a multiple of 16. Levels with a shorter side have smaller tiles.
    int32_t tile;
    /// Microns per pixel of level 0; 0 where unknown.
    double microns_per_pixel_x, microns_per_pixel_y;
    /// Texts: description of the first directory, software (at most 63 bytes) of all. Null or empty for none.
    const char *description;
    const char *software;
    /// Whether the full resolution also names the lower levels in its SubIFDs tag, as OME-TIFF does.
    bool names_levels;
} cic_tiff_format;

/// Threads that may share the encoding of an image.
typedef struct cic_workers {
    int32_t count;
    /// Calls body with each of 0 ..< count, at the same time where possible, and waits for all calls.
    void (*run)(int32_t count, void (*body)(int32_t index, void *context), void *context);
} cic_workers;

/// Upper bound of the levels of any image.
#define CIC_TIFF_MOST_LEVELS 32
/// Levels of the pyramid of an image: sides are halved, rounded up, until one tile holds the level or a side is
/// below 16.
int32_t cic_tiff_level_count(int32_t width, int32_t height, int32_t tile);
/// Begins a tiled BigTIFF file with a pyramid: one directory per level, the largest first, resolutions in pixels per
/// centimeter. A pixel of a lower level is the mean of 2 x 2 pixels, of which NaN does not count, or the upper left one
/// of 2 x 2 labels. Holds a band of tiles of each level in memory.
/// file: descriptor of an empty file open for reading and writing.
/// scratch[levels - 1]: the same for each lower level, to hold its tiles until the end.
/// workers: encode the tiles of gray images of 8 bits and of labels with deflate; one thread encodes those of others.
/// The caller owns all descriptors, which must outlive the writer.
cic_status cic_tiff_writer_open(cic_writer **writer, int file, const int *scratch, const cic_tiff_format *format,
                                const cic_workers *workers);
/// Stops libtiff from printing, also when another library calls it.
void cic_tiff_silence(void);

/// rows[count][width][channels]: the next rows. count: at most the number of rows left.
cic_status cic_writer_write(cic_writer *writer, const uint8_t *rows, int32_t count);
/// Writes the next rows of a gray image of 8 bits or of labels, which are alike: runs inside the row that do not
/// overlap, and 0 elsewhere. In a TIFF, tiles without runs take hardly any time. count: at most the number of
/// rows left.
cic_status cic_writer_write_runs(cic_writer *writer, const cic_run *runs, int32_t run_count, int32_t count);
/// Completes the file after the last row. Does not synchronize it with the disk.
cic_status cic_writer_finish(cic_writer *writer);
/// The message about the failure; empty without one. Valid while the writer lives.
const char *cic_writer_message(const cic_writer *writer);
/// Frees the writer, finished or not. writer may be null.
void cic_writer_close(cic_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
