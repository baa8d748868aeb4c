#include "tiff_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn)) void cic_tiff_writer_fail(tiff_writer *w, const tiff_level *level) {
    int error = level->stream.error != 0 ? level->stream.error : w->levels[0].stream.error;
    if (error != 0)
        cic_fail(&w->base.failure, CIC_IO_FAILED, "%s", strerror(error));
    cic_fail(&w->base.failure, CIC_UNSUPPORTED, "%s", w->log.detail[0] ? w->log.detail : "libtiff gives no reason");
}

static void open_level(tiff_writer *w, tiff_level *level, const char *mode) {
    level->tiff = cic_tiff_open(&level->stream, mode, w->options);
    if (!level->tiff)
        cic_tiff_writer_fail(w, level);
}

/// Sets the tags of the current directory of a file to describe one level of the pyramid.
static void describe(tiff_writer *w, TIFF *tiff, const tiff_level *level) {
    const cic_tiff_format *f = &w->format;
    int32_t index = (int32_t)(level - w->levels);
    bool encodes_color = f->compression == CIC_TIFF_JPEG && f->channels == 3;
    TIFFSetField(tiff, TIFFTAG_SUBFILETYPE, index == 0 ? 0 : FILETYPE_REDUCEDIMAGE);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)level->width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)level->height);
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, (uint32_t)level->side);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, (uint32_t)level->side);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, (uint16_t)f->channels);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, (uint16_t)(8 * f->sample_bytes));
    TIFFSetField(tiff, TIFFTAG_SAMPLEFORMAT,
                 f->sample_bytes == 4 && !f->has_labels ? SAMPLEFORMAT_IEEEFP : SAMPLEFORMAT_UINT);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                 encodes_color      ? PHOTOMETRIC_YCBCR
                 : f->channels == 3 ? PHOTOMETRIC_RGB
                                    : PHOTOMETRIC_MINISBLACK);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION,
                 f->compression == CIC_TIFF_JPEG  ? COMPRESSION_JPEG
                 : f->compression == CIC_TIFF_LZW ? COMPRESSION_LZW
                                                  : COMPRESSION_ADOBE_DEFLATE);
    if (f->has_labels && f->compression != CIC_TIFF_JPEG)
        TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
    // Full chroma: outlines are one pixel wide.
    if (encodes_color)
        TIFFSetField(tiff, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
    if (f->microns_per_pixel_x > 0 && f->microns_per_pixel_y > 0) {
        double scale = ldexp(1, index);
        TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
        TIFFSetField(tiff, TIFFTAG_XRESOLUTION, 10000 / (f->microns_per_pixel_x * scale));
        TIFFSetField(tiff, TIFFTAG_YRESOLUTION, 10000 / (f->microns_per_pixel_y * scale));
    }
    if (index == 0 && f->description && f->description[0])
        TIFFSetField(tiff, TIFFTAG_IMAGEDESCRIPTION, f->description);
    if (index == 0 && f->names_levels)
        cic_tiff_reserve_sublevels(w, tiff);
    if (w->software[0])
        TIFFSetField(tiff, TIFFTAG_SOFTWARE, w->software);
}

/// Sets the pseudo-tags that only encoding uses.
static void prepare_codec(tiff_writer *w, TIFF *tiff) {
    if (w->format.compression != CIC_TIFF_JPEG)
        return;
    TIFFSetField(tiff, TIFFTAG_JPEGQUALITY, w->format.quality);
    if (w->format.channels == 3)
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
}

/// The next row of the band.
static uint8_t *next_row(const tiff_writer *w, const tiff_level *level) {
    return level->band + (size_t)(level->next_row % level->side) * (size_t)level->width * w->pixel_bytes;
}

/// Marks the tiles that have pixels start ..< end of a row.
static void mark_painted(tiff_level *level, int32_t start, int32_t end) {
    for (int32_t column = start / level->side; column <= (end - 1) / level->side; column++)
        level->is_painted[column] = true;
}

/// Makes a row of the level below from two rows of a level, which are the same at an odd edge.
static void halve(const tiff_writer *w, tiff_level *level, const uint8_t *upper, const uint8_t *lower) {
    tiff_level *half = level + 1;
    uint8_t *row = next_row(w, half);
    // Tiles have an even number of columns, so both pixels of a pair are in one tile.
    for (int32_t left = 0; left < level->width; left += level->side) {
        if (!level->is_painted[left / level->side])
            continue;
        const int32_t width = level->width - left < level->side ? level->width - left : level->side;
        const size_t offset = (size_t)left * w->pixel_bytes;
        uint8_t *output = row + offset / 2;
        if (w->format.has_labels)
            cic_tiff_halve_labels((uint32_t *)(void *)output, (const uint32_t *)(const void *)(upper + offset), width);
        else if (w->format.sample_bytes == 4)
            cic_tiff_halve_floats((float *)(void *)output, (const float *)(const void *)(upper + offset),
                                  (const float *)(const void *)(lower + offset), width);
        else
            cic_tiff_halve_bytes(output, upper + offset, lower + offset, width, w->format.channels);
        mark_painted(half, left / 2, left / 2 + (width + 1) / 2);
    }
}

/// Completes the next row of a level, which is in the band.
static void end_row(tiff_writer *w, tiff_level *level) {
    // Tiles have an even number of rows, so both rows of a pair are in one band.
    const int32_t place = level->next_row % level->side;
    const uint8_t *row = next_row(w, level);
    const bool is_last = ++level->next_row == level->height;
    const bool has_lower = level + 1 < w->levels + w->level_count;
    if (has_lower && (place % 2 == 1 || is_last)) {
        halve(w, level, place % 2 == 1 ? row - (size_t)level->width * w->pixel_bytes : row, row);
        end_row(w, level + 1);
    }
    if (place + 1 == level->side || is_last)
        cic_tiff_write_tiles(w, level, place + 1);
}

static void write_row(cic_writer *writer, const uint8_t *row) {
    tiff_writer *w = (tiff_writer *)writer;
    tiff_level *level = &w->levels[0];
    memcpy(next_row(w, level), row, writer->row_bytes);
    mark_painted(level, 0, level->width);
    end_row(w, level);
}

static void write_runs(cic_writer *writer, const cic_run *runs, int32_t count) {
    tiff_writer *w = (tiff_writer *)writer;
    tiff_level *level = &w->levels[0];
    cic_paint_runs(next_row(w, level), writer->sample_bytes, runs, count);
    for (int32_t i = 0; i < count; i++)
        mark_painted(level, runs[i].start, runs[i].end);
    end_row(w, level);
}

static void start(cic_writer *writer) {
    tiff_writer *w = (tiff_writer *)writer;
    w->options = cic_tiff_options(&w->log);
    if (!w->options)
        cic_fail(&writer->failure, CIC_NO_MEMORY, "not enough memory");
    w->tile_capacity = (size_t)w->format.tile * (size_t)w->format.tile * w->pixel_bytes;
    w->tile = cic_allocate(&w->base.failure, w->tile_capacity);
    cic_tiff_start_coders(w);
    for (int32_t index = 0; index < w->level_count; index++) {
        tiff_level *level = &w->levels[index];
        level->band = calloc((size_t)level->side, (size_t)level->width * w->pixel_bytes);
        level->is_painted = calloc((size_t)((level->width - 1) / level->side + 1), sizeof *level->is_painted);
        if (!level->band || !level->is_painted)
            cic_fail(&writer->failure, CIC_NO_MEMORY, "not enough memory");
        open_level(w, level, "w8");
        describe(w, level->tiff, level);
        prepare_codec(w, level->tiff);
    }
}

static void close_level(tiff_level *level) {
    if (level->tiff)
        TIFFClose(level->tiff);
    level->tiff = NULL;
}

/// Appends a finished level to the destination, copying its encoded tiles.
static void append_level(tiff_writer *w, tiff_level *level) {
    if (!TIFFFlush(level->tiff))
        cic_tiff_writer_fail(w, level);
    close_level(level);
    if (level->stream.error != 0)
        cic_tiff_writer_fail(w, level);
    open_level(w, level, "r");
    TIFF *output = w->levels[0].tiff;
    describe(w, output, level);
    uint32_t tables_size = 0;
    void *tables = NULL;
    if (w->format.compression == CIC_TIFF_JPEG && TIFFGetField(level->tiff, TIFFTAG_JPEGTABLES, &tables_size, &tables))
        TIFFSetField(output, TIFFTAG_JPEGTABLES, tables_size, tables);
    uint32_t count = TIFFNumberOfTiles(level->tiff);
    for (uint32_t index = 0; index < count; index++) {
        size_t size = (size_t)TIFFGetStrileByteCount(level->tiff, index);
        if (size > w->tile_capacity) {
            free(w->tile);
            w->tile = NULL;
            w->tile_capacity = 0;
            w->tile = cic_allocate(&w->base.failure, size);
            w->tile_capacity = size;
        }
        if (TIFFReadRawTile(level->tiff, index, w->tile, (tmsize_t)size) != (tmsize_t)size ||
            TIFFWriteRawTile(output, index, w->tile, (tmsize_t)size) != (tmsize_t)size)
            cic_tiff_writer_fail(w, level);
    }
    if (!TIFFWriteDirectory(output))
        cic_tiff_writer_fail(w, level);
    close_level(level);
}

static void finish(cic_writer *writer) {
    tiff_writer *w = (tiff_writer *)writer;
    tiff_level *full = &w->levels[0];
    if (!TIFFWriteDirectory(full->tiff))
        cic_tiff_writer_fail(w, full);
    for (int32_t index = 1; index < w->level_count; index++)
        append_level(w, &w->levels[index]);
    close_level(full);
    if (full->stream.error != 0)
        cic_tiff_writer_fail(w, full);
    if (w->format.names_levels && w->level_count > 1)
        cic_tiff_link_sublevels(w);
}

static void release(cic_writer *writer) {
    tiff_writer *w = (tiff_writer *)writer;
    for (int32_t index = 0; index < w->level_count; index++) {
        tiff_level *level = &w->levels[index];
        // Discards unwritten data: the file is deleted, and its descriptor may be closed already.
        level->stream.file = -1;
        close_level(level);
        free(level->band);
        free(level->is_painted);
        for (int32_t i = 0; i < PLAIN_TILES; i++)
            free(level->plain[i].encoded);
    }
    if (w->options)
        TIFFOpenOptionsFree(w->options);
    cic_tiff_release_coders(w);
    free(w->tile);
}

/// Returns a multiple of 16 that is at most `tile` and, where possible, at most the image's shorter side. With libtiff
/// 4.5.1 and later (and Debian's 4.5.0), OpenSlide 3.4 reads garbage from tiles that are larger than the image.
static int32_t tile_side(int32_t width, int32_t height, int32_t tile) {
    int32_t shorter = width < height ? width : height;
    int32_t side = shorter / 16 * 16;
    return side < 16 ? 16 : side < tile ? side : tile;
}

int32_t cic_tiff_level_count(int32_t width, int32_t height, int32_t tile) {
    int32_t count = 1;
    while (width > tile || height > tile) {
        width = width / 2 + width % 2;
        height = height / 2 + height % 2;
        if (width < 16 || height < 16)
            break;
        count++;
    }
    return count;
}

static const cic_encoder encoder = {sizeof(tiff_writer), start, write_row, write_runs, finish, release};

cic_status cic_tiff_writer_open(cic_writer **writer, int file, const int *scratch, const cic_tiff_format *format,
                                const cic_workers *workers) {
    tiff_writer *w = cic_writer_create(writer, &encoder, file, format->width, format->height, format->channels,
                                       format->sample_bytes);
    if (!w)
        return CIC_NO_MEMORY;
    w->format = *format;
    w->format.has_labels = format->has_labels && format->sample_bytes == 4 && format->channels == 1;
    w->takes_runs = format->channels == 1 && (format->sample_bytes == 1 || w->format.has_labels);
    if (format->compression == CIC_TIFF_DEFLATE && w->takes_runs) {
        w->workers = *workers;
        w->workers.count = workers->count < TILE_CODERS ? workers->count : TILE_CODERS;
    }
    snprintf(w->software, sizeof w->software, "%s", format->software ? format->software : "");
    w->pixel_bytes = (size_t)format->channels * (size_t)format->sample_bytes;
    w->level_count = cic_tiff_level_count(format->width, format->height, format->tile);
    for (int32_t index = 0; index < w->level_count; index++) {
        tiff_level *level = &w->levels[index];
        level->stream.file = index == 0 ? file : scratch[index - 1];
        level->width = index == 0 ? format->width : (w->levels[index - 1].width - 1) / 2 + 1;
        level->height = index == 0 ? format->height : (w->levels[index - 1].height - 1) / 2 + 1;
        level->side = tile_side(level->width, level->height, format->tile);
    }
    cic_status status = cic_writer_start(*writer);
    // Only the first directory uses the caller's text, which may not outlive this call.
    w->format.description = NULL;
    return status;
}

void cic_tiff_silence(void) {
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
}
