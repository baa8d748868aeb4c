#include "tiff_header.h"

#include "failure.h"

#include <stdio.h>
#include <string.h>

static int32_t long_tag(TIFF *tiff, uint32_t tag) {
    uint32_t value = 0;
    return TIFFGetField(tiff, tag, &value) && value <= INT32_MAX ? (int32_t)value : 0;
}

static int32_t short_tag(TIFF *tiff, uint32_t tag) {
    uint16_t value = 0;
    return TIFFGetFieldDefaulted(tiff, tag, &value) ? value : 0;
}

static double resolution_tag(TIFF *tiff, uint32_t tag) {
    float value = 0;
    return TIFFGetField(tiff, tag, &value) ? (double)value : 0;
}

/// Largest value of the range of samples: all bits, or as many as the largest value that the file states has.
static int32_t largest_value(TIFF *tiff, int32_t bits) {
    double stated = 0;
    uint16_t maximum = 0;
    if (!TIFFGetField(tiff, TIFFTAG_SMAXSAMPLEVALUE, &stated) && TIFFGetField(tiff, TIFFTAG_MAXSAMPLEVALUE, &maximum))
        stated = maximum;
    int32_t all = bits >= 1 && bits <= 16 ? (1 << bits) - 1 : 0;
    // Some programs write the largest value of the image instead of that of the camera, so whole bits are counted.
    int32_t range = 255;
    while (range < stated && range < all)
        range = 2 * range + 1;
    return stated > 0 && range < all ? range : all;
}

void cic_tiff_get_header(TIFF *tiff, cic_tiff_header *header) {
    memset(header, 0, sizeof *header);
    header->width = long_tag(tiff, TIFFTAG_IMAGEWIDTH);
    header->height = long_tag(tiff, TIFFTAG_IMAGELENGTH);
    if (TIFFIsTiled(tiff)) {
        header->tile_width = long_tag(tiff, TIFFTAG_TILEWIDTH);
        header->tile_height = long_tag(tiff, TIFFTAG_TILELENGTH);
    }
    header->samples = short_tag(tiff, TIFFTAG_SAMPLESPERPIXEL);
    header->bits = short_tag(tiff, TIFFTAG_BITSPERSAMPLE);
    header->largest_value = largest_value(tiff, header->bits);
    header->orientation = short_tag(tiff, TIFFTAG_ORIENTATION);
    if (header->orientation < ORIENTATION_TOPLEFT || header->orientation > ORIENTATION_LEFTBOT)
        header->orientation = ORIENTATION_TOPLEFT;
    header->resolution_unit = short_tag(tiff, TIFFTAG_RESOLUTIONUNIT);
    header->resolution_x = resolution_tag(tiff, TIFFTAG_XRESOLUTION);
    header->resolution_y = resolution_tag(tiff, TIFFTAG_YRESOLUTION);
    const char *software = NULL;
    if (TIFFGetField(tiff, TIFFTAG_SOFTWARE, &software) && software)
        snprintf(header->software, sizeof header->software, "%s", software);
}

cic_status cic_tiff_read_header(cic_tiff_header *header, int file) {
    tiff_log log = {0};
    tiff_stream stream = {.file = file};
    TIFFOpenOptions *options = cic_tiff_options(&log);
    if (!options)
        return CIC_NO_MEMORY;
    TIFF *tiff = cic_tiff_open(&stream, "r", options);
    if (tiff) {
        cic_tiff_get_header(tiff, header);
        TIFFClose(tiff);
    }
    TIFFOpenOptionsFree(options);
    return tiff ? CIC_OK : stream.error ? CIC_IO_FAILED : CIC_MALFORMED;
}
