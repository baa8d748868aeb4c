#include "tiff_reader.h"

#include <string.h>

void cic_tiff_prepare_labels(tiff_reader *r, TIFF *tiff) {
    cic_tiff_read_colors(r, tiff);
    if (r->colors == 4)
        cic_fail(&r->base.failure, CIC_UNSUPPORTED, "CMYK colors are not labels; gray values are expected");
}

/// Sample c of a pixel. Alpha is that after the colors.
static uint32_t value(const tiff_reader *r, size_t offset, int32_t pixel, int32_t c) {
    size_t place = (size_t)(c == r->colors ? r->alpha : c);
    size_t index = r->is_interleaved ? (size_t)pixel * (size_t)r->header.samples + place : (size_t)pixel;
    return cic_tiff_sample(r->planes[r->is_interleaved ? 0 : c].samples + offset, index, r->header.bits);
}

void cic_tiff_convert_labels(tiff_reader *r, uint8_t *target, size_t offset, int32_t count) {
    int32_t bits = r->header.bits;
    uint32_t largest = UINT32_MAX >> (32 - bits);
    // White is the foreground of bilevel images; programs that show other masks inverted store them as they are.
    uint32_t flip = bits == 1 && r->photometric == PHOTOMETRIC_MINISWHITE ? 1 : 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t colors[3];
        for (int32_t c = 0; c < r->colors; c++)
            colors[c] = value(r, offset, i, c);
        if (r->format == SAMPLEFORMAT_INT && colors[0] > largest >> 1)
            cic_fail(&r->base.failure, CIC_UNSUPPORTED, "negative values are not labels");
        uint32_t alpha = r->alpha >= 0 ? value(r, offset, i, r->colors) : largest;
        uint32_t label = cic_label(&r->base, colors, r->colors, alpha, largest) ^ flip;
        memcpy(target + 4 * (size_t)i, &label, 4);
    }
}
