#include "reader.h"

// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <jerror.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// Bytes. libjpeg holds a progressive image whole; this bounds the memory that a header can make it request.
static const long largest_progressive_image = 1L << 31;

typedef struct jpeg_reader {
    cic_reader base;
    struct jpeg_decompress_struct decompressor;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    /// One row of CMYK; null for other images.
    uint8_t *cmyk;
    bool created;
    uint8_t buffer[1 << 16];
} jpeg_reader;

static cic_status status_of(int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return CIC_NO_MEMORY;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NO_BACKING_STORE:
    case JERR_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
        return CIC_UNSUPPORTED;
    default:
        return CIC_MALFORMED;
    }
}

static void on_error(j_common_ptr d) {
    cic_reader *reader = d->client_data;
    char message[JMSG_LENGTH_MAX];
    d->err->format_message(d, message);
    cic_fail(&reader->failure, status_of(d->err->msg_code), "%s", message);
}

/// Turns libjpeg's warnings of damage, after which it paints gray, into errors. Four warnings do not concern pixels.
static void on_message(j_common_ptr d, int level) {
    if (level >= 0)
        return;
    switch (d->err->msg_code) {
    case JWRN_ADOBE_XFORM:
    case JWRN_BOGUS_ICC:
    case JWRN_JFIF_MAJOR:
    case JWRN_TOO_MUCH_DATA:
        return;
    default:
        on_error(d);
    }
}

static void on_output(j_common_ptr d) {
    (void)d;
}

static void on_source(j_decompress_ptr d) {
    (void)d;
}

static boolean on_fill(j_decompress_ptr d) {
    jpeg_reader *r = d->client_data;
    r->source.bytes_in_buffer = cic_reader_fetch(&r->base, r->buffer, sizeof r->buffer);
    r->source.next_input_byte = r->buffer;
    return TRUE;
}

static void on_skip(j_decompress_ptr d, long count) {
    jpeg_reader *r = d->client_data;
    if (count <= 0)
        return;
    while ((size_t)count > r->source.bytes_in_buffer) {
        count -= (long)r->source.bytes_in_buffer;
        on_fill(d);
    }
    r->source.next_input_byte += count;
    r->source.bytes_in_buffer -= (size_t)count;
}

static void start_reduced(cic_reader *reader, unsigned reduction) {
    jpeg_reader *r = (jpeg_reader *)reader;
    struct jpeg_decompress_struct *d = &r->decompressor;
    d->err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_error;
    r->errors.emit_message = on_message;
    r->errors.output_message = on_output;
    d->client_data = r;
    jpeg_create_decompress(d);
    r->created = true;
    d->mem->max_memory_to_use = largest_progressive_image;
    r->source.init_source = on_source;
    r->source.fill_input_buffer = on_fill;
    r->source.skip_input_data = on_skip;
    r->source.resync_to_restart = jpeg_resync_to_restart;
    r->source.term_source = on_source;
    d->src = &r->source;
    jpeg_save_markers(d, JPEG_APP0 + 1, 4096);
    jpeg_read_header(d, TRUE);
    d->scale_denom = reduction;
    jpeg_calc_output_dimensions(d);
    reader->width = (int32_t)d->output_width;
    reader->height = (int32_t)d->output_height;

    bool four_inks = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;
    d->out_color_space = four_inks ? JCS_CMYK : JCS_RGB;
    if (four_inks)
        r->cmyk = cic_allocate(&reader->failure, 4 * (size_t)reader->width);
}

static void start(cic_reader *reader) {
    start_reduced(reader, 1);
}

static void start_halved(cic_reader *reader) {
    start_reduced(reader, 2);
}

static void read_rows(cic_reader *reader, uint8_t *rgb, int32_t count) {
    jpeg_reader *r = (jpeg_reader *)reader;
    struct jpeg_decompress_struct *d = &r->decompressor;
    // Deferred from opening, because it decodes a progressive image whole.
    if (reader->next_row == 0)
        jpeg_start_decompress(d);
    for (int32_t i = 0; i < count; i++, rgb += 3 * (size_t)reader->width) {
        JSAMPROW row = r->cmyk ? r->cmyk : rgb;
        jpeg_read_scanlines(d, &row, 1);
        if (r->cmyk)
            cic_rgb_from_cmyk(rgb, r->cmyk, reader->width, d->saw_Adobe_marker);
        reader->next_row++;
    }
    if (reader->next_row == reader->height)
        jpeg_finish_decompress(d);
}

static void release(cic_reader *reader) {
    jpeg_reader *r = (jpeg_reader *)reader;
    if (r->created)
        jpeg_destroy_decompress(&r->decompressor);
    free(r->cmyk);
}

static const cic_decoder decoder = {sizeof(jpeg_reader), start, read_rows, release};
static const cic_decoder halving_decoder = {sizeof(jpeg_reader), start_halved, read_rows, release};

cic_status cic_jpeg_reader_open(cic_reader **reader, int file) {
    return cic_reader_open(reader, file, &decoder);
}

cic_status cic_jpeg_reader_open_halved(cic_reader **reader, int file) {
    return cic_reader_open(reader, file, &halving_decoder);
}

static uint32_t number(const uint8_t *bytes, int32_t count, bool is_little) {
    uint32_t value = 0;
    for (int32_t i = 0; i < count; i++)
        value = value << 8 | bytes[is_little ? count - 1 - i : i];
    return value;
}

/// The orientation in Exif data of size bytes, a TIFF directory; 0 where there is none.
static int32_t exif_orientation(const uint8_t *exif, size_t size) {
    static const size_t entry_size = 12;
    if (size < 16 || memcmp(exif, "Exif\0\0", 6) != 0)
        return 0;
    const uint8_t *tiff = exif + 6;
    bool is_little = tiff[0] == 'I';
    size_t length = size - 6, directory = number(tiff + 4, 4, is_little);
    if (directory > length - 2)
        return 0;
    size_t count = number(tiff + directory, 2, is_little);
    for (size_t entry = directory + 2; count > 0 && entry + entry_size <= length; entry += entry_size, count--)
        if (number(tiff + entry, 2, is_little) == 0x112)
            return (int32_t)number(tiff + entry + 8, 2, is_little);
    return 0;
}

int32_t cic_jpeg_reader_orientation(const cic_reader *reader) {
    const jpeg_reader *r = (const jpeg_reader *)reader;
    for (jpeg_saved_marker_ptr marker = r->decompressor.marker_list; marker; marker = marker->next) {
        int32_t orientation = exif_orientation(marker->data, marker->data_length);
        if (orientation >= 1 && orientation <= 8)
            return orientation;
    }
    return 1;
}
