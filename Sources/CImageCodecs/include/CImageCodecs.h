/// libpng and libjpeg as readers and writers of rows, libtiff as a writer, behind status codes.
///
/// The first two report errors by setjmp and longjmp, which must not cross Swift code: it all stays in here. Nothing
/// is ever printed, and damage that the libraries would only warn about and paint over is an error.
///
/// Contract: rows go from top to bottom, without padding, 8 bits a sample unless stated, samples interleaved. A handle
/// belongs to one thread at a time; different handles are independent. The first failure is final: every later call
/// returns it again. An opening function that fails still hands out a handle, which holds the message and must be
/// closed; the handle is null only when the status is CIC_NO_MEMORY.
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CIC_SWIFT_NAME(name) __attribute__((swift_name(#name)))

/// How a call ended. Anything but CIC_OK comes with a message of one line (see cic_reader_message).
typedef enum __attribute__((enum_extensibility(closed))) cic_status {
    CIC_OK CIC_SWIFT_NAME(ok) = 0,
    CIC_NO_MEMORY CIC_SWIFT_NAME(noMemory),
    /// The file ends before the image does.
    CIC_TRUNCATED CIC_SWIFT_NAME(truncated),
    /// The data contradict the format or their own checksums.
    CIC_MALFORMED CIC_SWIFT_NAME(malformed),
    /// Sound as far as it was read, but a variant of the format that is not read or written here.
    CIC_UNSUPPORTED CIC_SWIFT_NAME(unsupported),
    /// The operating system refused to read or write; the message is its own.
    CIC_IO_FAILED CIC_SWIFT_NAME(ioFailed),
} cic_status;

// Readers (reader.c, png_read.c, jpeg_read.c)

/// An image being decoded to RGB.
typedef struct cic_reader cic_reader;

/// Reads the header of a PNG file of any kind. Grey, palette and 1, 2, 4 and 16 bit samples become 8-bit RGB;
/// transparency is composed over white. An interlaced image is held whole from the first row on, any other one row at
/// a time. A header that promises more than the file can hold fails here, before memory is taken.
/// file: descriptor open for reading at the first byte; owned by the reader from now on, whatever the outcome.
cic_status cic_png_reader_open(cic_reader **reader, int file);
/// Reads the header of a JPEG file. Grey, YCbCr, CMYK and YCCK become RGB. file: as above.
cic_status cic_jpeg_reader_open(cic_reader **reader, int file);
/// Size in pixels; 0 before the header was read.
int32_t cic_reader_width(const cic_reader *reader);
int32_t cic_reader_height(const cic_reader *reader);
/// How many rows were read: where the image broke, after a failure.
int32_t cic_reader_next_row(const cic_reader *reader);
/// rgb[count][width][3]: the next rows, overwritten. count is at most the number of rows that are left. The call that
/// reads the last row also checks what follows it, up to the end of the image.
cic_status cic_reader_read(cic_reader *reader, uint8_t *rgb, int32_t count);
/// What went wrong, in the words of the library; empty when nothing did. Lives as long as the reader.
const char *cic_reader_message(const cic_reader *reader);
/// Frees the reader and closes its file. reader may be null.
void cic_reader_close(cic_reader *reader);

// Writers (writer.c, png_write.c, jpeg_write.c, tiff_write.c)

/// An image being encoded.
typedef struct cic_writer cic_writer;

/// Writes the header of a PNG file. channels: 1 grey, filtered for masks, or 3 RGB. bits: of a sample in the file, 8,
/// or 1 for grey; rows have 8 all the same, and any sample but 0 is white.
/// compression_level: zlib's, 0 (none) to 9; up to 3 only runs of equal bytes are looked for, which is fast.
/// file: descriptor open for writing; stays the caller's and must outlive the writer.
cic_status cic_png_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t channels,
                               int32_t bits, int32_t compression_level);
/// Writes the header of a baseline JPEG file without chroma subsampling, at most 65500 pixels a side.
/// quality: libjpeg's, 1 to 100. file: as above.
cic_status cic_jpeg_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t quality);

typedef enum __attribute__((enum_extensibility(closed))) cic_tiff_compression {
    CIC_TIFF_DEFLATE CIC_SWIFT_NAME(deflate) = 0,
    CIC_TIFF_LZW CIC_SWIFT_NAME(lzw),
    /// 8-bit samples only; RGB becomes YCbCr without chroma subsampling.
    CIC_TIFF_JPEG CIC_SWIFT_NAME(jpeg),
} cic_tiff_compression;

/// What a TIFF file is to hold.
typedef struct cic_tiff_format {
    int32_t width, height;
    /// 1 grey or 3 RGB.
    int32_t channels;
    /// 1: unsigned bytes; 4: float32, grey only.
    int32_t sample_bytes;
    cic_tiff_compression compression;
    /// libjpeg's, 1 to 100; for JPEG only.
    int32_t quality;
    /// Pixels a side of a tile, a multiple of 16; levels with a shorter side get smaller tiles.
    int32_t tile;
    /// Of level 0; 0 when not known.
    double microns_per_pixel_x, microns_per_pixel_y;
    /// Texts of the first directory and of all of them, the second at most 63 bytes; null or empty for none.
    const char *description;
    const char *software;
} cic_tiff_format;

/// More levels than any image can have.
#define CIC_TIFF_MOST_LEVELS 32
/// Levels of the pyramid for an image: sides are halved, rounded up, until one tile holds all or one is below 16.
int32_t cic_tiff_level_count(int32_t width, int32_t height, int32_t tile);
/// Begins a tiled BigTIFF file with a pyramid: one directory a level, the largest first, resolutions in pixels a
/// centimetre. A lower level's pixel is the mean of four; in floats, of those that are numbers. A band of tiles of each
/// level is held in memory.
/// file: descriptor of an empty file open for reading and writing. scratch[levels - 1]: the same for each lower level,
/// whose tiles wait there. All stay the caller's and must outlive the writer.
cic_status cic_tiff_writer_open(cic_writer **writer, int file, const int *scratch, const cic_tiff_format *format);
/// Keeps libtiff from printing, also when another library calls it.
void cic_tiff_silence(void);

/// rows[count][width][channels]: the next rows. count is at most the number of rows that are left.
cic_status cic_writer_write(cic_writer *writer, const uint8_t *rows, int32_t count);
/// Completes the file after the last row. It is handed to the operating system, not yet synchronised with the disk.
cic_status cic_writer_finish(cic_writer *writer);
/// What went wrong; empty when nothing did. Lives as long as the writer.
const char *cic_writer_message(const cic_writer *writer);
/// Frees the writer, finished or not. writer may be null.
void cic_writer_close(cic_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
