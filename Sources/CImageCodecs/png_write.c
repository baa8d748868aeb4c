#include "writer.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct png_writer {
    cic_writer base;
    png_structp png;
    png_infop info;
    int32_t bits;
    int32_t compression_level;
    /// Valid in `start` only.
    const char *software;
    /// [ceil(width / 8)]: a row of 1-bit samples.
    uint8_t *packed;
} png_writer;

static void on_error(png_structp png, png_const_charp message) {
    cic_writer *writer = png_get_error_ptr(png);
    cic_fail(&writer->failure, strcmp(message, "Out of memory") == 0 ? CIC_NO_MEMORY : CIC_UNSUPPORTED, "%s", message);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t count) {
    cic_writer_put(png_get_io_ptr(png), bytes, count);
}

static void on_flush(png_structp png) {
    (void)png;
}

static bool is_little_endian(void) {
    uint16_t one = 1;
    return *(uint8_t *)&one == 1;
}

static void start(cic_writer *writer) {
    png_writer *w = (png_writer *)writer;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer, on_error, on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info)
        cic_fail(&writer->failure, CIC_NO_MEMORY, "not enough memory");
    png_structp png = w->png;
    if (w->bits == 1)
        w->packed = cic_allocate(&writer->failure, ((size_t)writer->width + 7) / 8);
    png_set_write_fn(png, writer, on_write, on_flush);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, w->compression_level);
    png_set_compression_buffer_size(png, 1 << 16);
    int color_type = writer->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
    // Measured on masks: the Up filter with run lengths gives a quarter of the bytes of zlib's own search at level 1,
    // at the same speed. Measured on tissue: the Paeth filter gives 4 % fewer bytes than that search at level 3, twice
    // as fast.
    png_set_filter(png, PNG_FILTER_TYPE_BASE, writer->channels == 1 ? PNG_FILTER_UP : PNG_FILTER_PAETH);
    if (w->compression_level <= 3)
        png_set_compression_strategy(png, Z_RLE);
    png_set_IHDR(png, w->info, (png_uint_32)writer->width, (png_uint_32)writer->height, w->bits, color_type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (w->software && w->software[0]) {
        // libpng copies the text; its type lacks const.
        png_text text = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = "Software"};
        text.text = (png_charp)(uintptr_t)w->software;
        png_set_text(png, w->info, &text, 1);
    }
    png_write_info(png, w->info);
    if (w->bits == 16 && is_little_endian())
        png_set_swap(png);
}

/// Packs eight pixels per byte, the first in the highest bit.
static void pack(uint8_t *packed, const uint8_t *row, int32_t width) {
    memset(packed, 0, ((size_t)width + 7) / 8);
    for (int32_t x = 0; x < width; x++)
        packed[x / 8] |= (uint8_t)((row[x] != 0) << (7 - x % 8));
}

static void write_row(cic_writer *writer, const uint8_t *row) {
    png_writer *w = (png_writer *)writer;
    if (w->bits == 1)
        pack(w->packed, row, writer->width);
    png_write_row(w->png, w->bits == 1 ? w->packed : row);
}

static void finish(cic_writer *writer) {
    png_write_end(((png_writer *)writer)->png, NULL);
}

static void release(cic_writer *writer) {
    png_writer *w = (png_writer *)writer;
    png_destroy_write_struct(&w->png, &w->info);
    free(w->packed);
}

static const cic_encoder encoder = {sizeof(png_writer), start, write_row, NULL, finish, release};

cic_status cic_png_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t channels,
                               int32_t bits, int32_t compression_level, const char *software) {
    png_writer *w = cic_writer_create(writer, &encoder, file, width, height, channels, bits == 16 ? 2 : 1);
    if (!w)
        return CIC_NO_MEMORY;
    w->bits = bits;
    w->compression_level = compression_level;
    w->software = software;
    return cic_writer_start(*writer);
}
