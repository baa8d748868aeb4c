#include "tiff_reader.h"

#include <stdlib.h>
#include <string.h>

__attribute__((noreturn)) void cic_tiff_reader_fail(tiff_reader *r, cic_status status) {
    for (int32_t i = 0; i < MOST_PLANES; i++)
        if (r->planes[i].stream.error != 0)
            cic_fail(&r->base.failure, CIC_IO_FAILED, "%s", strerror(r->planes[i].stream.error));
    cic_fail(&r->base.failure, status, "%s", r->log.detail[0] ? r->log.detail : "libtiff gives no reason");
}

void *cic_tiff_reader_allocate(tiff_reader *r, int64_t count, int64_t size) {
    if (size > CIC_TIFF_MOST_MEMORY / count)
        cic_fail(&r->base.failure, CIC_UNSUPPORTED,
                 "%d x %d px with too large tiles or a turned image to hold in memory", r->header.width,
                 r->header.height);
    return cic_allocate(&r->base.failure, (size_t)(count * size) + 4);
}

static TIFF *open_plane(tiff_reader *r, tiff_plane *plane) {
    plane->stream.file = fileno(r->base.file);
    plane->tiff = cic_tiff_open(&plane->stream, "r", r->options);
    if (!plane->tiff)
        cic_tiff_reader_fail(r, CIC_MALFORMED);
    return plane->tiff;
}

static const char *compression_name(uint16_t compression) {
    const TIFFCodec *codec = TIFFFindCODEC(compression);
    return codec ? codec->name : "unknown";
}

/// The most bytes that one compressed byte can become; 0 where it is not known.
static double expansion(uint16_t compression) {
    switch (compression) {
    case COMPRESSION_NONE:
        return 1;
    case COMPRESSION_PACKBITS:
        return 64;
    case COMPRESSION_LZW:
        return 4096;
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE:
        return 1032;
    default:
        return 0;
    }
}

/// Checks that rows and tiles have the expected size and makes memory for them.
static void lay_out(tiff_reader *r) {
    const cic_tiff_header *h = &r->header;
    bool is_tiled = TIFFIsTiled(r->planes[0].tiff);
    int64_t samples = (int64_t)(is_tiled ? h->tile_width : h->width) * (r->is_interleaved ? h->samples : 1);
    r->row_bytes = ((size_t)samples * (size_t)h->bits + 7) / 8;
    r->tile_row = -1;
    if (is_tiled) {
        r->across = h->tile_width > 0 ? (int32_t)(((int64_t)h->width + h->tile_width - 1) / h->tile_width) : 0;
        r->tile_bytes = r->row_bytes * (size_t)h->tile_height;
    }
    for (int32_t i = 0; i < r->plane_count; i++) {
        TIFF *tiff = r->planes[i].tiff;
        if (is_tiled ? TIFFTileSize(tiff) != (tmsize_t)r->tile_bytes : TIFFScanlineSize(tiff) != (tmsize_t)r->row_bytes)
            cic_fail(&r->base.failure, CIC_UNSUPPORTED, "rows of another length than %zu bytes", r->row_bytes);
        int64_t count = is_tiled ? r->across : 1;
        if (r->row_bytes == 0 || count == 0)
            cic_fail(&r->base.failure, CIC_MALFORMED, "no samples");
        r->planes[i].samples = cic_tiff_reader_allocate(r, count, (int64_t)(is_tiled ? r->tile_bytes : r->row_bytes));
    }
}

static void check_samples(tiff_reader *r) {
    int32_t bits = r->header.bits;
    bool is_unsigned = r->format == SAMPLEFORMAT_UINT || r->format == SAMPLEFORMAT_VOID;
    bool is_signed = r->format == SAMPLEFORMAT_INT && r->reads_labels;
    bool is_wide = bits == 32 && r->reads_labels;
    if ((!is_unsigned && !is_signed) || ((bits < 1 || bits > 16) && !is_wide))
        cic_fail(&r->base.failure, CIC_UNSUPPORTED, "%s of %d bits; %s are supported",
                 r->format == SAMPLEFORMAT_IEEEFP ? "floating-point samples" : "samples", bits,
                 r->reads_labels ? "integers of 1 to 16 or 32 bits" : "1 to 16 bits without a sign");
}

static void start(cic_reader *reader) {
    tiff_reader *r = (tiff_reader *)reader;
    cic_failure *failure = &reader->failure;
    r->options = cic_tiff_options(&r->log);
    if (!r->options)
        cic_fail(failure, CIC_NO_MEMORY, "not enough memory");
    TIFFOpenOptionsSetMaxSingleMemAlloc(r->options, CIC_TIFF_MOST_MEMORY);
    TIFF *tiff = open_plane(r, &r->planes[0]);
    cic_tiff_header *h = &r->header;
    cic_tiff_get_header(tiff, h);
    uint16_t planar = PLANARCONFIG_CONTIG;
    r->format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &r->format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &r->compression);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &r->photometric))
        r->photometric = h->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    if (h->width < 1 || h->height < 1)
        cic_fail(failure, CIC_MALFORMED, "no width or height");
    if (r->compression == COMPRESSION_OJPEG || !TIFFIsCODECConfigured(r->compression))
        cic_fail(failure, CIC_UNSUPPORTED, "%s compression, number %d", compression_name(r->compression),
                 r->compression);
    check_samples(r);
    r->is_interleaved = planar == PLANARCONFIG_CONTIG || h->samples == 1;
    double factor = expansion(r->compression);
    if (factor > 0)
        cic_reader_check_size(reader, h->width, h->height, (int64_t)h->bits * h->samples, factor);
    r->pixel_bytes = r->reads_labels ? 4 : 3;
    if (r->reads_labels)
        cic_tiff_prepare_labels(r, tiff);
    else
        cic_tiff_prepare_colors(r, tiff);

    r->plane_count = r->is_interleaved ? 1 : r->colors + (r->alpha >= 0);
    for (int32_t i = 1; i < r->plane_count; i++)
        open_plane(r, &r->planes[i]);
    for (int32_t i = 0; i < r->plane_count; i++)
        r->planes[i].index = (uint16_t)(i == r->colors ? r->alpha : i);
    lay_out(r);
    bool is_turned = h->orientation >= ORIENTATION_LEFTTOP;
    reader->width = is_turned ? h->height : h->width;
    reader->height = is_turned ? h->width : h->height;
}

static void check(tiff_reader *r, bool succeeded) {
    if (!succeeded || r->log.has_damage)
        cic_tiff_reader_fail(r, CIC_MALFORMED);
}

static void decode_tiles(tiff_reader *r, int32_t tile_row) {
    for (int32_t i = 0; i < r->plane_count; i++) {
        tiff_plane *plane = &r->planes[i];
        for (int32_t column = 0; column < r->across; column++) {
            uint32_t x = (uint32_t)column * (uint32_t)r->header.tile_width;
            uint32_t y = (uint32_t)tile_row * (uint32_t)r->header.tile_height;
            uint32_t tile = TIFFComputeTile(plane->tiff, x, y, 0, plane->index);
            tmsize_t size = (tmsize_t)r->tile_bytes;
            uint8_t *target = plane->samples + (size_t)column * r->tile_bytes;
            check(r, TIFFReadEncodedTile(plane->tiff, tile, target, size) == size);
        }
    }
    r->tile_row = tile_row;
}

static void convert(tiff_reader *r, uint8_t *target, size_t offset, int32_t count) {
    if (r->reads_labels)
        cic_tiff_convert_labels(r, target, offset, count);
    else
        cic_tiff_convert(r, target, offset, count);
}

/// Decodes row y as it is stored. Rows are asked for in order.
static void decode_row(tiff_reader *r, uint8_t *target, int32_t y) {
    if (r->across == 0) {
        for (int32_t i = 0; i < r->plane_count; i++) {
            tiff_plane *plane = &r->planes[i];
            check(r, TIFFReadScanline(plane->tiff, plane->samples, (uint32_t)y, plane->index) == 1);
        }
        convert(r, target, 0, r->header.width);
        return;
    }
    int32_t side = r->header.tile_width;
    if (y / r->header.tile_height != r->tile_row)
        decode_tiles(r, y / r->header.tile_height);
    for (int32_t column = 0; column < r->across; column++) {
        int32_t x = column * side;
        int32_t count = side < r->header.width - x ? side : r->header.width - x;
        size_t row = (size_t)(y % r->header.tile_height) * r->row_bytes;
        convert(r, target + (size_t)r->pixel_bytes * (size_t)x, (size_t)column * r->tile_bytes + row, count);
    }
}

/// Decodes the whole image and turns it upright. One row more of memory holds the row that is turned.
static void turn(tiff_reader *r) {
    int32_t width = r->header.width, height = r->header.height, orientation = r->header.orientation;
    r->turned = cic_tiff_reader_allocate(r, (int64_t)width * ((int64_t)height + 1), r->pixel_bytes);
    size_t size = (size_t)r->pixel_bytes;
    uint8_t *row = r->turned + size * (size_t)width * (size_t)height;
    bool from_right = orientation == ORIENTATION_TOPRIGHT || orientation == ORIENTATION_BOTRIGHT ||
                      orientation == ORIENTATION_RIGHTTOP || orientation == ORIENTATION_RIGHTBOT;
    bool from_bottom = orientation == ORIENTATION_BOTRIGHT || orientation == ORIENTATION_BOTLEFT ||
                       orientation == ORIENTATION_RIGHTBOT || orientation == ORIENTATION_LEFTBOT;
    bool is_transposed = orientation >= ORIENTATION_LEFTTOP;
    for (int32_t y = 0; y < height; y++) {
        decode_row(r, row, y);
        for (int32_t x = 0; x < width; x++) {
            int64_t column = is_transposed ? y : x, line = is_transposed ? x : y;
            if (from_right)
                column = r->base.width - 1 - column;
            if (from_bottom)
                line = r->base.height - 1 - line;
            memcpy(r->turned + size * (size_t)(line * r->base.width + column), row + size * (size_t)x, size);
        }
    }
}

static void read_rows(cic_reader *reader, uint8_t *rows, int32_t count) {
    tiff_reader *r = (tiff_reader *)reader;
    size_t bytes = (size_t)r->pixel_bytes * (size_t)reader->width;
    if (r->header.orientation != ORIENTATION_TOPLEFT && !r->turned)
        turn(r);
    for (int32_t i = 0; i < count; i++, rows += bytes) {
        if (r->turned)
            memcpy(rows, r->turned + (size_t)reader->next_row * bytes, bytes);
        else
            decode_row(r, rows, reader->next_row);
        reader->next_row++;
    }
}

static void release(cic_reader *reader) {
    tiff_reader *r = (tiff_reader *)reader;
    for (int32_t i = 0; i < MOST_PLANES; i++) {
        if (r->planes[i].tiff)
            TIFFClose(r->planes[i].tiff);
        free(r->planes[i].samples);
    }
    if (r->options)
        TIFFOpenOptionsFree(r->options);
    free(r->bytes);
    free(r->palette);
    free(r->mixed);
    free(r->turned);
}

static void start_labels(cic_reader *reader) {
    ((tiff_reader *)reader)->reads_labels = true;
    start(reader);
}

cic_status cic_tiff_reader_open(cic_reader **reader, int file) {
    static const cic_decoder decoder = {sizeof(tiff_reader), start, read_rows, release};
    return cic_reader_open(reader, file, &decoder);
}

cic_status cic_tiff_label_reader_open(cic_reader **reader, int file) {
    static const cic_decoder decoder = {sizeof(tiff_reader), start_labels, read_rows, release};
    return cic_reader_open(reader, file, &decoder);
}

const cic_tiff_header *cic_tiff_reader_header(const cic_reader *reader) {
    return &((const tiff_reader *)reader)->header;
}

const char *cic_tiff_reader_description(const cic_reader *reader) {
    char *text = NULL;
    TIFF *tiff = ((const tiff_reader *)reader)->planes[0].tiff;
    return tiff && TIFFGetField(tiff, TIFFTAG_IMAGEDESCRIPTION, &text) && text ? text : "";
}
