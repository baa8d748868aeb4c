#include "failure.h"
#include "tiff_stream.h"

// jpeglib.h needs stdio.h before it.
#include <stdio.h>

#include <errno.h>
#include <jpeglib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// Bounds for what a damaged file can make the program allocate.
static const uint32_t most_tiles = 1 << 26;
static const uint64_t most_tile_bytes = 1 << 26;
static const int32_t most_directories = 1000;

struct cic_jpeg_tiles {
    int file;
    int32_t width, height, tile_width, tile_height;
    /// Tiles in a row of tiles.
    int64_t across;
    /// Place and size of each tile in the file.
    uint64_t *offsets, *sizes;
    /// Quantization and Huffman tables of all tiles; null where each has its own.
    uint8_t *tables;
    uint32_t tables_size;
    /// How the tiles store colors: the header of a tile does not say.
    J_COLOR_SPACE colors;
};

/// Whether the current directory has the tiles that are looked for.
static bool is_wanted(TIFF *tiff, const cic_jpeg_tiles *t) {
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
           tile_height == (uint32_t)t->tile_height && compression == COMPRESSION_JPEG && samples == 3 && bits == 8 &&
           planes == PLANARCONFIG_CONTIG && (photometric == PHOTOMETRIC_YCBCR || photometric == PHOTOMETRIC_RGB);
}

/// Copies what reading needs from the current directory. Returns false where it is damaged or memory is short.
static bool copy_directory(TIFF *tiff, cic_jpeg_tiles *t) {
    uint16_t photometric = 0;
    TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric);
    t->colors = photometric == PHOTOMETRIC_YCBCR ? JCS_YCbCr : JCS_RGB;
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

cic_jpeg_tiles *cic_jpeg_tiles_open(int file, int32_t width, int32_t height, int32_t tile_width, int32_t tile_height) {
    cic_jpeg_tiles *t = width < 1 || height < 1 || tile_width < 1 || tile_height < 1 ? NULL : calloc(1, sizeof *t);
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
    cic_jpeg_tiles_close(t);
    return NULL;
}

void cic_jpeg_tiles_close(cic_jpeg_tiles *t) {
    if (!t)
        return;
    close(t->file);
    free(t->offsets);
    free(t->sizes);
    free(t->tables);
    free(t);
}

/// One call of cic_jpeg_tiles_read.
typedef struct tile_job {
    cic_failure failure;
    struct jpeg_decompress_struct decompressor;
    struct jpeg_error_mgr errors;
    bool created;
    /// Pixels of the image, along each axis, for one that is decoded.
    int32_t reduction;
    /// The compressed bytes of a tile, and a row of its pixels.
    uint8_t *bytes;
    size_t capacity;
    uint32_t *row;
} tile_job;

static void on_error(j_common_ptr d) {
    tile_job *job = d->client_data;
    cic_fail(&job->failure, CIC_MALFORMED, "damage");
}

/// Also what libjpeg only warns about.
static void on_message(j_common_ptr d, int level) {
    if (level < 0)
        on_error(d);
}

static void on_output(j_common_ptr d) {
    (void)d;
}

static void fetch(tile_job *job, const cic_jpeg_tiles *t, int64_t tile) {
    uint64_t size = t->sizes[tile], offset = t->offsets[tile];
    if (size == 0 || size > most_tile_bytes || offset > INT64_MAX - size)
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of %llu bytes", (unsigned long long)size);
    if (size > job->capacity) {
        free(job->bytes);
        job->bytes = NULL;
        job->bytes = cic_allocate(&job->failure, size);
        job->capacity = size;
    }
    size_t done = 0;
    while (done < size) {
        ssize_t part = pread(t->file, job->bytes + done, size - done, (off_t)(offset + done));
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0)
            cic_fail(&job->failure, CIC_IO_FAILED, "%s", strerror(errno));
        if (part == 0)
            cic_fail(&job->failure, CIC_TRUNCATED, "the end of the file");
        done += (size_t)part;
    }
}

/// Decodes the part of a tile that lies in the rectangle. left, top: the tile in pixels of the image as it is decoded.
static void decode(tile_job *job, const cic_jpeg_tiles *t, int64_t tile, int64_t left, int64_t top,
                   const cic_rectangle *part, uint32_t *pixels) {
    struct jpeg_decompress_struct *d = &job->decompressor;
    const int32_t width = t->tile_width / job->reduction, height = t->tile_height / job->reduction;
    fetch(job, t, tile);
    if (t->tables) {
        jpeg_mem_src(d, t->tables, t->tables_size);
        jpeg_read_header(d, FALSE);
    }
    jpeg_mem_src(d, job->bytes, t->sizes[tile]);
    jpeg_read_header(d, TRUE);
    if (d->image_width != (JDIMENSION)t->tile_width || d->image_height != (JDIMENSION)t->tile_height ||
        d->num_components != 3)
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of another size");
    d->jpeg_color_space = t->colors;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    d->out_color_space = JCS_EXT_BGRA;
#else
    d->out_color_space = JCS_EXT_ARGB;
#endif
    // The inverse transform of fewer coefficients, which is also the low-pass filter.
    d->scale_num = 1;
    d->scale_denom = (unsigned)job->reduction;
    jpeg_start_decompress(d);
    if (d->output_width != (JDIMENSION)width || d->output_height != (JDIMENSION)height)
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of an odd size");
    int64_t first = left > part->x ? left : part->x, right = part->x + part->width;
    int64_t end = left + width < right ? left + width : right;
    for (int64_t y = top; y < top + height && y < part->y + part->height; y++) {
        JSAMPROW row = (JSAMPROW)job->row;
        jpeg_read_scanlines(d, &row, 1);
        if (y >= part->y)
            memcpy(pixels + (y - part->y) * part->width + (first - part->x), job->row + (first - left),
                   sizeof *pixels * (size_t)(end - first));
    }
    jpeg_abort_decompress(d);
}

cic_status cic_jpeg_tiles_read(const cic_jpeg_tiles *t, int32_t reduction, const cic_rectangle *part,
                               uint32_t *pixels) {
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
    if (!setjmp(job->failure.escape)) {
        struct jpeg_decompress_struct *d = &job->decompressor;
        d->err = jpeg_std_error(&job->errors);
        job->errors.error_exit = on_error;
        job->errors.emit_message = on_message;
        job->errors.output_message = on_output;
        d->client_data = job;
        jpeg_create_decompress(d);
        job->created = true;
        job->reduction = reduction;
        job->row = cic_allocate(&job->failure, sizeof *job->row * (size_t)t->tile_width);
        const int64_t across = t->tile_width / reduction, down = t->tile_height / reduction;
        int64_t last_row = (part->y + part->height - 1) / down, last_column = (part->x + part->width - 1) / across;
        for (int64_t row = part->y / down; row <= last_row; row++)
            for (int64_t column = part->x / across; column <= last_column; column++)
                decode(job, t, row * t->across + column, column * across, row * down, part, pixels);
    }
    cic_status status = job->failure.status;
    if (job->created)
        jpeg_destroy_decompress(&job->decompressor);
    free(job->bytes);
    free(job->row);
    free(job);
    return status;
}
