#include "png_reader.h"

#include <string.h>

static uint32_t sample(const png_reader *r, const uint8_t *row, int64_t index) {
    return r->sample_bytes == 1 ? row[index] : (uint32_t)row[2 * index] << 8 | row[2 * index + 1];
}

static void convert(png_reader *r, uint8_t *target, const uint8_t *row, int64_t count) {
    int32_t colors = r->samples >= 3 ? 3 : 1;
    bool has_alpha = r->samples > colors;
    uint32_t opaque = r->sample_bytes == 1 ? UINT8_MAX : UINT16_MAX;
    for (int64_t i = 0; i < count; i++) {
        uint32_t values[4];
        for (int32_t c = 0; c < r->samples; c++)
            values[c] = sample(r, row, i * r->samples + c);
        if (r->palette_count > 0)
            cic_png_check_index(r, values[0]);
        uint32_t label = cic_label(&r->base, values, colors, has_alpha ? values[colors] : opaque, opaque);
        memcpy(target + 4 * i, &label, 4);
    }
}

static void start(cic_reader *reader) {
    png_reader *r = (png_reader *)reader;
    cic_png_read_header(r);
    png_set_packing(r->png);
    if (png_get_color_type(r->png, r->info) == PNG_COLOR_TYPE_PALETTE) {
        png_colorp colors = NULL;
        png_get_PLTE(r->png, r->info, &colors, &r->palette_count);
    }
    cic_png_lay_out(r);
    r->pixel_bytes = 4;
    r->convert = convert;
}

static const cic_decoder decoder = {sizeof(png_reader), start, cic_png_read_rows, cic_png_release};

cic_status cic_png_label_reader_open(cic_reader **reader, int file) {
    return cic_reader_open(reader, file, &decoder);
}
