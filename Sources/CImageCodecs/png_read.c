#include "reader.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/// Bytes. An interlaced image is held whole; a larger one is an error, because it would make the machine swap.
static const int64_t largest_interlaced_image = INT64_C(1) << 31;

typedef struct png_reader {
    cic_reader base;
    png_structp png;
    png_infop info;
    /// Samples per pixel in libpng's rows: 3, 4 with alpha, or 1 for palette indices.
    int32_t samples;
    bool interlaced;
    /// libpng's output: the whole image if interlaced, else one row; null where rows are decoded in place.
    uint8_t *pixels;
    /// RGB, composed over white.
    uint8_t palette[3 * PNG_MAX_PALETTE_LENGTH];
    int32_t palette_count;
} png_reader;

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

static void apply_palette(png_reader *r, uint8_t *rgb, const uint8_t *indices, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (indices[i] >= r->palette_count)
            cic_fail(&r->base.failure, CIC_MALFORMED, "color %d of a palette of %d", indices[i], r->palette_count);
        memcpy(rgb + 3 * i, r->palette + 3 * indices[i], 3);
    }
}

static void start(cic_reader *reader) {
    png_reader *r = (png_reader *)reader;
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

    if (png_get_color_type(png, r->info) == PNG_COLOR_TYPE_PALETTE) {
        png_set_packing(png);
        read_palette(r);
    } else {
        png_set_expand(png);
        png_set_scale_16(png);
        png_set_gray_to_rgb(png);
    }
    r->interlaced = png_set_interlace_handling(png) > 1;
    png_read_update_info(png, r->info);
    r->samples = png_get_channels(png, r->info);
}

static void allocate(png_reader *r, int64_t rows) {
    int64_t row_bytes = (int64_t)r->base.width * r->samples;
    if (r->interlaced && row_bytes > largest_interlaced_image / rows)
        cic_fail(&r->base.failure, CIC_UNSUPPORTED, "interlaced images of %d x %d px do not fit in memory",
                 r->base.width, r->base.height);
    r->pixels = cic_allocate(&r->base.failure, (size_t)(row_bytes * rows));
}

static void decode_interlaced(png_reader *r) {
    allocate(r, r->base.height);
    size_t row_bytes = (size_t)r->base.width * (size_t)r->samples;
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
        for (int32_t y = 0; y < r->base.height; y++)
            png_read_row(r->png, r->pixels + (size_t)y * row_bytes, NULL);
    png_read_end(r->png, NULL);
}

static void read_rows(cic_reader *reader, uint8_t *rgb, int32_t count) {
    png_reader *r = (png_reader *)reader;
    size_t row_bytes = (size_t)reader->width * (size_t)r->samples;
    if (!r->pixels && r->interlaced)
        decode_interlaced(r);
    if (!r->pixels && r->samples != 3)
        allocate(r, 1);
    for (int32_t i = 0; i < count; i++, rgb += 3 * (size_t)reader->width) {
        uint8_t *row = r->pixels ? r->pixels + (r->interlaced ? (size_t)reader->next_row * row_bytes : 0) : rgb;
        if (!r->interlaced)
            png_read_row(r->png, row, NULL);
        if (r->samples == 4)
            cic_compose_over_white(rgb, row, reader->width, false);
        else if (r->samples == 1)
            apply_palette(r, rgb, row, reader->width);
        else if (row != rgb)
            memcpy(rgb, row, row_bytes);
        reader->next_row++;
    }
    if (!r->interlaced && reader->next_row == reader->height)
        png_read_end(r->png, NULL);
}

static void release(cic_reader *reader) {
    png_reader *r = (png_reader *)reader;
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->pixels);
}

static const cic_decoder decoder = {sizeof(png_reader), start, read_rows, release};

cic_status cic_png_reader_open(cic_reader **reader, int file) {
    return cic_reader_open(reader, file, &decoder);
}
