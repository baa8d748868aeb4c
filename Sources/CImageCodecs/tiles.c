#include "tiles.h"
#include "tiff_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Bounds for what a damaged file can make the program allocate.
static const uint32_t most_tiles = 1 << 26;
static const uint64_t most_tile_bytes = 1 << 26;
static const int32_t most_directories = 1000;

/// Aperio's compressions, which libtiff does not know: JPEG 2000 codestreams of YCbCr and of RGB.
enum { jpeg2000_ycbcr = 33003, jpeg2000_rgb = 33005 };

/// Whether the current directory has the tiles that are looked for.
static bool is_wanted(TIFF *tiff, const cic_tiles *t) {
    uint32_t width = 0, height = 0, tile_width = 0, tile_height = 0;
    uint16_t compression = 0, photometric = 0, samples = 0, bits = 0, planes = 0;
    if (!TIFFIsTiled(tiff))
        return false;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
    TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression);
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planes);
    return width == (uint32_t)t->width && height == (uint32_t)t->height && tile_width == (uint32_t)t->tile_width &&
           tile_height == (uint32_t)t->tile_height && samples == 3 && bits == 8 && planes == PLANARCONFIG_CONTIG &&
           (photometric == PHOTOMETRIC_YCBCR || photometric == PHOTOMETRIC_RGB) &&
           (compression == COMPRESSION_JPEG || compression == jpeg2000_ycbcr || compression == jpeg2000_rgb);
}

/// Copies what reading needs from the current directory. Returns false where it is damaged or memory is short.
static bool copy_directory(TIFF *tiff, cic_tiles *t) {
    uint16_t photometric = 0, compression = 0;
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    TIFFGetField(tiff, TIFFTAG_COMPRESSION, &compression);
    t->is_jpeg2000 = compression != COMPRESSION_JPEG;
    t->is_ycbcr = t->is_jpeg2000 ? compression == jpeg2000_ycbcr : photometric == PHOTOMETRIC_YCBCR;
    t->across = ((int64_t)t->width + t->tile_width - 1) / t->tile_width;
    int64_t count = t->across * (((int64_t)t->height + t->tile_height - 1) / t->tile_height);
    uint32_t stored = TIFFNumberOfTiles(tiff);
    if (count != (int64_t)stored || stored > most_tiles)
        return false;
    t->offsets = malloc(sizeof *t->offsets * stored);
    t->sizes = malloc(sizeof *t->sizes * stored);
    if (!t->offsets || !t->sizes)
        return false;
    for (uint32_t i = 0; i < stored; i++) {
        t->offsets[i] = TIFFGetStrileOffset(tiff, i);
        t->sizes[i] = TIFFGetStrileByteCount(tiff, i);
    }
    const void *tables = NULL;
    if (TIFFGetField(tiff, TIFFTAG_JPEGTABLES, &t->tables_size, &tables) && t->tables_size > 0) {
        t->tables = malloc(t->tables_size);
        if (!t->tables)
            return false;
        memcpy(t->tables, tables, t->tables_size);
    }
    return true;
}

cic_tiles *cic_tiles_open(int file, int32_t width, int32_t height, int32_t tile_width, int32_t tile_height) {
    cic_tiles *t = width < 1 || height < 1 || tile_width < 1 || tile_height < 1 ? NULL : calloc(1, sizeof *t);
    if (!t) {
        close(file);
        return NULL;
    }
    t->file = file;
    t->width = width;
    t->height = height;
    t->tile_width = tile_width;
    t->tile_height = tile_height;
    tiff_log log = {0};
    tiff_stream stream = {.file = file};
    TIFFOpenOptions *options = cic_tiff_options(&log);
    TIFF *tiff = options ? cic_tiff_open(&stream, "r", options) : NULL;
    bool found = false;
    for (int32_t i = 0; tiff && i < most_directories; i++) {
        if (is_wanted(tiff, t)) {
            found = copy_directory(tiff, t);
            break;
        }
        if (!TIFFReadDirectory(tiff))
            break;
    }
    if (tiff)
        TIFFClose(tiff);
    if (options)
        TIFFOpenOptionsFree(options);
    if (found && stream.error == 0)
        return t;
    cic_tiles_close(t);
    return NULL;
}

void cic_tiles_close(cic_tiles *t) {
    if (!t)
        return;
    close(t->file);
    free(t->offsets);
    free(t->sizes);
    free(t->tables);
    free(t);
}

static void fetch(tile_job *job, int64_t tile) {
    uint64_t size = job->tiles->sizes[tile], offset = job->tiles->offsets[tile];
    if (size == 0 || size > most_tile_bytes || offset > INT64_MAX - size)
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of %llu bytes", (unsigned long long)size);
    if (size > job->capacity) {
        free(job->bytes);
        job->bytes = NULL;
        job->bytes = cic_allocate(&job->failure, size);
        job->capacity = size;
    }
    job->size = size;
    size_t done = 0;
    while (done < size) {
        ssize_t part = pread(job->tiles->file, job->bytes + done, size - done, (off_t)(offset + done));
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            cic_fail(&job->failure, CIC_IO_FAILED, "%s", strerror(errno));
        if (part == 0)
            cic_fail(&job->failure, CIC_TRUNCATED, "the end of the file");
        done += (size_t)part;
    }
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/// Decodes the part of a tile that lies in the rectangle.
static void decode(tile_job *job, int64_t row, int64_t column) {
    const cic_tiles *t = job->tiles;
    const int64_t width = t->tile_width / job->reduction, height = t->tile_height / job->reduction;
    tile_window window = {.left = column * width, .top = row * height};
    window.first_column = larger(0, job->part.x - window.left);
    window.end_column = smaller(width, job->part.x + job->part.width - window.left);
    window.first_row = larger(0, job->part.y - window.top);
    window.end_row = smaller(height, job->part.y + job->part.height - window.top);
    fetch(job, row * t->across + column);
    if (t->is_jpeg2000)
        cic_jpeg2000_tile(job, &window);
    else
        cic_jpeg_tile(job, &window);
}

cic_status cic_tiles_read(const cic_tiles *t, int32_t reduction, const cic_rectangle *part, uint32_t *pixels) {
    if ((reduction != 1 && reduction != 2) || t->tile_width % reduction != 0 || t->tile_height % reduction != 0)
        return CIC_UNSUPPORTED;
    const int64_t width = ((int64_t)t->width + reduction - 1) / reduction;
    const int64_t height = ((int64_t)t->height + reduction - 1) / reduction;
    if (part->x < 0 || part->y < 0 || part->width < 1 || part->height < 1 || part->width > width - part->x ||
        part->height > height - part->y)
        return CIC_UNSUPPORTED;
    tile_job *job = calloc(1, sizeof *job);
    if (!job)
        return CIC_NO_MEMORY;
    job->tiles = t;
    job->reduction = reduction;
    job->part = *part;
    job->pixels = pixels;
    if (!setjmp(job->failure.escape)) {
        const int64_t across = t->tile_width / reduction, down = t->tile_height / reduction;
        int64_t last_row = (part->y + part->height - 1) / down, last_column = (part->x + part->width - 1) / across;
        for (int64_t row = part->y / down; row <= last_row; row++)
            for (int64_t column = part->x / across; column <= last_column; column++)
                decode(job, row, column);
    }
    cic_status status = job->failure.status;
    cic_jpeg_decoder_free(job->jpeg);
    free(job->bytes);
    free(job);
    return status;
}
