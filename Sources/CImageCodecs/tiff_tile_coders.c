#include "tiff_writer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/// Neighboring tiles of a band, which the threads take one by one.
typedef struct tile_row {
    tiff_writer *writer;
    tiff_level *level;
    int32_t rows;
    uint32_t first;
    int32_t count;
    atomic_int next;
} tile_row;

void cic_tiff_start_coders(tiff_writer *w) {
    for (int32_t i = 0; i < w->workers.count; i++) {
        tile_coder *coder = &w->coders[i];
        // Runs of equal bytes are nearly all that a mask has to compress, and are found fast. So are differences of
        // labels.
        if (deflateInit2(&coder->stream, 1, Z_DEFLATED, MAX_WBITS, MAX_MEM_LEVEL, Z_RLE) != Z_OK)
            cic_fail(&w->base.failure, CIC_NO_MEMORY, "not enough memory");
        coder->is_open = true;
        coder->pixels = cic_allocate(&w->base.failure, w->tile_capacity);
        w->coded_capacity = deflateBound(&coder->stream, w->tile_capacity);
    }
    for (int32_t i = 0; w->workers.count > 0 && i < TILE_GROUP; i++)
        w->group[i].encoded = cic_allocate(&w->base.failure, w->coded_capacity);
}

void cic_tiff_release_coders(tiff_writer *w) {
    for (int32_t i = 0; i < TILE_CODERS; i++) {
        if (w->coders[i].is_open)
            deflateEnd(&w->coders[i].stream);
        free(w->coders[i].pixels);
    }
    for (int32_t i = 0; i < TILE_GROUP; i++)
        free(w->group[i].encoded);
}

static size_t tile_bytes(const tiff_writer *w, const tiff_level *level) {
    return (size_t)level->side * (size_t)level->side * w->pixel_bytes;
}

/// Replaces labels by their differences from the labels before them in a row: TIFF's horizontal predictor.
static void difference(uint32_t *labels, size_t side) {
    for (size_t y = 0; y < side; y++, labels += side)
        for (size_t x = side - 1; x > 0; x--)
            labels[x] -= labels[x - 1];
}

/// Encodes the pixels of a coder, which it may change. Cannot fail: the memory is there, and there is room for tiles
/// that do not become shorter.
static void encode(const tiff_writer *w, const tiff_level *level, tile_coder *coder, coded_tile *tile) {
    const size_t bytes = tile_bytes(w, level);
    if (w->format.has_labels)
        difference((uint32_t *)(void *)coder->pixels, (size_t)level->side);
    z_stream *stream = &coder->stream;
    deflateReset(stream);
    stream->next_in = coder->pixels;
    stream->avail_in = (uInt)bytes;
    stream->next_out = tile->encoded;
    stream->avail_out = (uInt)w->coded_capacity;
    deflate(stream, Z_FINISH);
    tile->size = w->coded_capacity - stream->avail_out;
}

void cic_tiff_code_plain(tiff_writer *w, const tiff_level *level, coded_tile *tile) {
    for (size_t i = 0; i < tile_bytes(w, level); i += w->pixel_bytes)
        memcpy(w->coders[0].pixels + i, tile->pixel, w->pixel_bytes);
    encode(w, level, &w->coders[0], tile);
}

static void code_some(int32_t index, void *context) {
    tile_row *row = context;
    tile_coder *coder = &row->writer->coders[index];
    for (int32_t i = atomic_fetch_add(&row->next, 1); i < row->count; i = atomic_fetch_add(&row->next, 1)) {
        coded_tile *tile = &row->writer->group[i];
        const uint32_t column = row->first + (uint32_t)i;
        tile->size = 0;
        tile->is_plain = !row->level->is_painted[column];
        memset(tile->pixel, 0, sizeof tile->pixel);
        if (tile->is_plain && cic_tiff_find_plain(row->writer, row->level, tile->pixel))
            continue;
        cic_tiff_take_tile(row->writer, row->level, row->rows, column, coder->pixels);
        tile->is_plain = cic_tiff_is_plain(row->writer, coder->pixels, tile_bytes(row->writer, row->level));
        memcpy(tile->pixel, coder->pixels, row->writer->pixel_bytes);
        if (!tile->is_plain || !cic_tiff_find_plain(row->writer, row->level, tile->pixel))
            encode(row->writer, row->level, coder, tile);
    }
}

void cic_tiff_code_tiles(tiff_writer *w, tiff_level *level, int32_t rows, uint32_t first, int32_t count) {
    tile_row row = {.writer = w, .level = level, .rows = rows, .first = first, .count = count};
    w->workers.run(count < w->workers.count ? count : w->workers.count, code_some, &row);
}
