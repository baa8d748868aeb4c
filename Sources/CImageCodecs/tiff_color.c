#include "tiff_reader.h"

#include <string.h>

/// Whether another gray page of the same size follows: a channel or a slice of a stack.
static bool has_further_page(tiff_reader *r, TIFF *tiff) {
    uint16_t photometric = 0;
    uint32_t subfile = 0;
    cic_tiff_header next;
    if (TIFFLastDirectory(tiff))
        return false;
    bool is_same = false;
    if (TIFFReadDirectory(tiff)) {
        cic_tiff_get_header(tiff, &next);
        TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
        TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &subfile);
        is_same = next.width == r->header.width && next.height == r->header.height && next.samples == 1 &&
                  photometric == PHOTOMETRIC_MINISBLACK && !(subfile & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK));
    }
    if (!TIFFSetDirectory(tiff, 0))
        cic_tiff_reader_fail(r, CIC_MALFORMED);
    return is_same;
}

void cic_tiff_read_colors(tiff_reader *r, TIFF *tiff) {
    cic_failure *failure = &r->base.failure;
    switch (r->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
    case PHOTOMETRIC_PALETTE:
        r->colors = 1;
        break;
    case PHOTOMETRIC_RGB:
        r->colors = 3;
        break;
    case PHOTOMETRIC_SEPARATED:
        r->colors = 4;
        break;
    case PHOTOMETRIC_YCBCR:
        if (r->compression != COMPRESSION_JPEG || !r->is_interleaved)
            cic_fail(failure, CIC_UNSUPPORTED, "YCbCr without JPEG compression");
        r->colors = 3;
        // libtiff converts to RGB.
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        break;
    default:
        cic_fail(failure, CIC_UNSUPPORTED, "photometric interpretation %d", r->photometric);
    }
    if (r->header.samples < r->colors || (r->colors == 1 && r->header.samples > 2))
        cic_fail(failure, CIC_UNSUPPORTED, "%d samples per pixel, which are not RGB", r->header.samples);
    if (r->colors == 1 && r->header.samples == 1 && has_further_page(r, tiff))
        cic_fail(failure, CIC_UNSUPPORTED, "several gray pages");
    // Only now: reading another directory frees the values of this one.
    uint16_t extra_count = 0, *extras = NULL;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_EXTRASAMPLES, &extra_count, &extras);
    if (extra_count > r->header.samples - r->colors)
        cic_fail(failure, CIC_MALFORMED, "%d extra samples of %d", extra_count, r->header.samples);
    r->alpha = -1;
    for (int32_t i = 0; i < extra_count && r->colors < 4 && r->photometric != PHOTOMETRIC_PALETTE; i++) {
        if (extras[i] != EXTRASAMPLE_ASSOCALPHA && extras[i] != EXTRASAMPLE_UNASSALPHA)
            continue;
        r->alpha = r->header.samples - extra_count + i;
        r->is_premultiplied = extras[i] == EXTRASAMPLE_ASSOCALPHA;
        break;
    }
}

static void read_palette(tiff_reader *r, TIFF *tiff) {
    uint16_t *map[3] = {NULL, NULL, NULL};
    int32_t count = 1 << r->header.bits;
    if (r->header.bits > 8 || !TIFFGetField(tiff, TIFFTAG_COLORMAP, &map[0], &map[1], &map[2]))
        cic_fail(&r->base.failure, CIC_MALFORMED, "no palette for %d bits", r->header.bits);
    r->palette = cic_tiff_reader_allocate(r, count, 3);
    // Some programs write bytes.
    bool is_wide = false;
    for (int c = 0; c < 3; c++)
        for (int32_t i = 0; i < count; i++)
            is_wide |= map[c][i] > 255;
    for (int c = 0; c < 3; c++)
        for (int32_t i = 0; i < count; i++)
            r->palette[3 * i + c] = (uint8_t)(is_wide ? (map[c][i] + 128) / 257 : map[c][i]);
}

static void fill_bytes(tiff_reader *r) {
    int32_t count = 1 << r->header.bits, largest = r->header.largest_value;
    r->bytes = cic_tiff_reader_allocate(r, count, 1);
    for (int32_t i = 0; i < count; i++) {
        int32_t value = i < largest ? (i * 255 + largest / 2) / largest : 255;
        r->bytes[i] = (uint8_t)(r->photometric == PHOTOMETRIC_MINISWHITE ? 255 - value : value);
    }
}

uint32_t cic_tiff_sample(const uint8_t *samples, size_t index, int32_t bits) {
    if (bits == 8)
        return samples[index];
    if (bits == 16) {
        uint16_t value;
        memcpy(&value, samples + 2 * index, 2);
        return value;
    }
    if (bits == 32) {
        uint32_t value;
        memcpy(&value, samples + 4 * index, 4);
        return value;
    }
    size_t bit = index * (size_t)bits;
    const uint8_t *first = samples + bit / 8;
    uint32_t window = (uint32_t)first[0] << 16 | (uint32_t)first[1] << 8 | first[2];
    return window >> (24 - (int32_t)(bit % 8) - bits) & ((1u << bits) - 1);
}

void cic_tiff_convert(tiff_reader *r, uint8_t *rgb, size_t offset, int32_t count) {
    int32_t bits = r->header.bits, last = r->colors + (r->alpha >= 0);
    if (bits == 8 && r->is_interleaved && r->colors == 3 && r->header.samples == 3) {
        memcpy(rgb, r->planes[0].samples + offset, 3 * (size_t)count);
        return;
    }
    for (int32_t c = 0; c < last; c++) {
        int32_t place = c == r->colors ? r->alpha : c;
        const uint8_t *samples = r->planes[r->is_interleaved ? 0 : c].samples + offset;
        size_t stride = r->is_interleaved ? (size_t)r->header.samples : 1;
        size_t start = r->is_interleaved ? (size_t)place : 0;
        // Alpha follows three colors, which gray has too.
        uint8_t *target = r->mixed + (c == r->colors ? 3 : c);
        uint8_t flip = c == r->colors && r->photometric == PHOTOMETRIC_MINISWHITE ? 255 : 0;
        for (int32_t i = 0; i < count; i++) {
            uint32_t value = cic_tiff_sample(samples, start + (size_t)i * stride, bits);
            if (r->palette)
                memcpy(r->mixed + 4 * i, r->palette + 3 * value, 3);
            else
                target[4 * i] = r->bytes[value] ^ flip;
        }
    }
    if (r->colors == 1 && !r->palette)
        for (int32_t i = 0; i < count; i++)
            r->mixed[4 * i + 1] = r->mixed[4 * i + 2] = r->mixed[4 * i];
    if (r->colors == 4)
        cic_rgb_from_cmyk(rgb, r->mixed, count, false);
    else if (r->alpha >= 0)
        cic_compose_over_white(rgb, r->mixed, count, r->is_premultiplied);
    else
        for (int32_t i = 0; i < count; i++)
            memcpy(rgb + 3 * i, r->mixed + 4 * i, 3);
}

void cic_tiff_prepare_colors(tiff_reader *r, TIFF *tiff) {
    cic_tiff_read_colors(r, tiff);
    if (r->photometric == PHOTOMETRIC_PALETTE)
        read_palette(r, tiff);
    fill_bytes(r);
    r->mixed = cic_tiff_reader_allocate(r, r->header.width, 4);
}
