#include "png_reader.h"

#include <stdlib.h>
#include <string.h>

/// Bytes. An interlaced image is held whole; a larger one is an error, because it would make the machine swap.
static const int64_t largest_interlaced_image = INT64_C(1) << 31;

static void on_error(png_structp png, png_const_charp message) {
    cic_reader *reader = png_get_error_ptr(png);
    cic_fail(&reader->failure, strcmp(message, "Out of memory") == 0 ? CIC_NO_MEMORY : CIC_MALFORMED, "%s", message);
}

/// Ancillary chunks with a wrong checksum are left out, but transparency belongs to the pixels.
static void on_warning(png_structp png, png_const_charp message) {
    if (strncmp(message, "tRNS", 4) == 0)
        on_error(png, message);
}

static void on_read(png_structp png, png_bytep bytes, size_t count) {
    cic_reader *reader = png_get_io_ptr(png);
    while (count > 0) {
        size_t fetched = cic_reader_fetch(reader, bytes, count);
        bytes += fetched;
        count -= fetched;
    }
}

/// Reads the palette, which is applied here and not by libpng: libpng would paint an index beyond the palette black
/// instead of failing.
static void read_palette(png_reader *r) {
    png_colorp colors = NULL;
    int count = 0;
    png_get_PLTE(r->png, r->info, &colors, &count);
    png_bytep alphas = NULL;
    int alpha_count = 0;
    png_get_tRNS(r->png, r->info, &alphas, &alpha_count, NULL);
    for (int i = 0; i < count; i++) {
        uint8_t alpha = alphas && i < alpha_count ? alphas[i] : 255;
        uint8_t rgba[4] = {colors[i].red, colors[i].green, colors[i].blue, alpha};
        cic_compose_over_white(r->palette + 3 * i, rgba, 1, false);
    }
    r->palette_count = count;
}

void cic_png_check_index(png_reader *r, uint32_t index) {
    if (index >= (uint32_t)r->palette_count)
        cic_fail(&r->base.failure, CIC_MALFORMED, "color %u of a palette of %d", index, r->palette_count);
}

static void apply_palette(png_reader *r, uint8_t *rgb, const uint8_t *indices, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        cic_png_check_index(r, indices[i]);
        memcpy(rgb + 3 * i, r->palette + 3 * indices[i], 3);
    }
}

static void compose(png_reader *r, uint8_t *rgb, const uint8_t *row, int64_t count) {
    (void)r;
    cic_compose_over_white(rgb, row, count, false);
}

void cic_png_read_header(png_reader *r) {
    cic_reader *reader = &r->base;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        cic_fail(&reader->failure, CIC_NO_MEMORY, "not enough memory");
    png_structp png = r->png;
    png_set_read_fn(png, reader, on_read);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    // Ancillary chunks such as profiles and texts are often slightly wrong, and unused. Without them, every error that
    // libpng can forgive is damage to pixels.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_benign_errors(png, 0);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_WARN_DISCARD);
    png_read_info(png, r->info);

    int depth = png_get_bit_depth(png, r->info);
    int32_t width = (int32_t)png_get_image_width(png, r->info);
    int32_t height = (int32_t)png_get_image_height(png, r->info);
    // zlib never packs more than 1032 bytes into one.
    cic_reader_check_size(reader, width, height, depth * png_get_channels(png, r->info), 1032);
    reader->width = width;
    reader->height = height;
}

void cic_png_lay_out(png_reader *r) {
    r->interlaced = png_set_interlace_handling(r->png) > 1;
    png_read_update_info(r->png, r->info);
    r->samples = png_get_channels(r->png, r->info);
    r->sample_bytes = png_get_bit_depth(r->png, r->info) / 8;
}

static void start(cic_reader *reader) {
    png_reader *r = (png_reader *)reader;
    cic_png_read_header(r);
    png_structp png = r->png;
    if (png_get_color_type(png, r->info) == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(png);
        read_palette(r);
    } else {
        png_set_expand(png);
        png_set_scale_16(png);
        png_set_gray_to_rgb(png);
    }
    cic_png_lay_out(r);
    r->pixel_bytes = 3;
    r->convert = r->samples == 4 ? compose : r->samples == 1 ? apply_palette : NULL;
}

static size_t row_bytes(const png_reader *r) {
    return (size_t)r->base.width * (size_t)(r->samples * r->sample_bytes);
}

static void allocate(png_reader *r, int64_t rows) {
    if (r->interlaced && (int64_t)row_bytes(r) > largest_interlaced_image / rows)
        cic_fail(&r->base.failure, CIC_UNSUPPORTED, "interlaced images of %d x %d px do not fit in memory",
                 r->base.width, r->base.height);
    r->pixels = cic_allocate(&r->base.failure, row_bytes(r) * (size_t)rows);
}

static void decode_interlaced(png_reader *r) {
    allocate(r, r->base.height);
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
        for (int32_t y = 0; y < r->base.height; y++)
            png_read_row(r->png, r->pixels + (size_t)y * row_bytes(r), NULL);
    png_read_end(r->png, NULL);
}

void cic_png_read_rows(cic_reader *reader, uint8_t *rows, int32_t count) {
    png_reader *r = (png_reader *)reader;
    if (!r->pixels && r->interlaced)
        decode_interlaced(r);
    if (!r->pixels && r->convert)
        allocate(r, 1);
    for (int32_t i = 0; i < count; i++, rows += (size_t)r->pixel_bytes * (size_t)reader->width) {
        uint8_t *row = r->pixels ? r->pixels + (r->interlaced ? (size_t)reader->next_row * row_bytes(r) : 0) : rows;
        if (!r->interlaced)
            png_read_row(r->png, row, NULL);
        if (r->convert)
            r->convert(r, rows, row, reader->width);
        else if (row != rows)
            memcpy(rows, row, row_bytes(r));
        reader->next_row++;
    }
    if (!r->interlaced && reader->next_row == reader->height)
        png_read_end(r->png, NULL);
}

void cic_png_release(cic_reader *reader) {
    png_reader *r = (png_reader *)reader;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->pixels);
}

static const cic_decoder decoder = {sizeof(png_reader), start, cic_png_read_rows, cic_png_release};

cic_status cic_png_reader_open(cic_reader **reader, int file) {
    return cic_reader_open(reader, file, &decoder);
}
