#include "tiff_writer.h"

#include <stdlib.h>
#include <string.h>

bool cic_tiff_is_plain(const tiff_writer *w, const uint8_t *tile, size_t bytes) {
    return w->pixel_bytes <= sizeof w->levels[0].plain[0].pixel &&
           memcmp(tile, tile + w->pixel_bytes, bytes - w->pixel_bytes) == 0;
}

const plain_tile *cic_tiff_find_plain(const tiff_writer *w, const tiff_level *level, const uint8_t *pixel) {
    for (int32_t i = 0; i < PLAIN_TILES; i++) {
        const plain_tile *known = &level->plain[i];
        if (known->size > 0 && memcmp(known->pixel, pixel, w->pixel_bytes) == 0)
            return known;
    }
    return NULL;
}

/// Makes room for the encoded bytes of a tile of one color, in place of the oldest one.
static uint8_t *keep_plain(tiff_writer *w, tiff_level *level, const uint8_t *pixel, size_t size) {
    plain_tile *plain = &level->plain[level->next_plain];
    free(plain->encoded);
    *plain = (plain_tile){0};
    plain->encoded = cic_allocate(&w->base.failure, size);
    plain->size = size;
    memcpy(plain->pixel, pixel, w->pixel_bytes);
    level->next_plain = (level->next_plain + 1) % PLAIN_TILES;
    return plain->encoded;
}

static void write_encoded(tiff_writer *w, tiff_level *level, uint32_t index, uint8_t *encoded, size_t size) {
    if (TIFFWriteRawTile(level->tiff, index, encoded, (tmsize_t)size) < 0)
        cic_tiff_writer_fail(w, level);
}

/// Encodes the tile, or reuses the bytes of an earlier tile of the same color.
static void write_tile(tiff_writer *w, tiff_level *level, uint32_t index, size_t bytes) {
    const bool plain = cic_tiff_is_plain(w, w->tile, bytes);
    const plain_tile *known = plain ? cic_tiff_find_plain(w, level, w->tile) : NULL;
    if (known) {
        write_encoded(w, level, index, known->encoded, known->size);
        return;
    }
    if (TIFFWriteEncodedTile(level->tiff, index, w->tile, (tmsize_t)bytes) < 0)
        cic_tiff_writer_fail(w, level);
    if (!plain)
        return;
    const size_t size = (size_t)TIFFGetStrileByteCount(level->tiff, index);
    uint8_t *encoded = keep_plain(w, level, w->tile, size);
    const int64_t position = level->stream.position;
    level->stream.position = (int64_t)TIFFGetStrileOffset(level->tiff, index);
    if (cic_tiff_on_read(&level->stream, encoded, (tmsize_t)size) != (tmsize_t)size)
        cic_tiff_writer_fail(w, level);
    level->stream.position = position;
}

/// Writes a tile that a thread has encoded.
static void write_coded(tiff_writer *w, tiff_level *level, uint32_t index, coded_tile *tile) {
    const plain_tile *known = tile->is_plain ? cic_tiff_find_plain(w, level, tile->pixel) : NULL;
    if (known) {
        write_encoded(w, level, index, known->encoded, known->size);
        return;
    }
    // Other colors took the place of one that was known to the threads.
    if (tile->size == 0)
        cic_tiff_code_plain(w, level, tile);
    write_encoded(w, level, index, tile->encoded, tile->size);
    if (tile->is_plain)
        memcpy(keep_plain(w, level, tile->pixel, tile->size), tile->encoded, tile->size);
}

void cic_tiff_take_tile(const tiff_writer *w, tiff_level *level, int32_t rows, uint32_t column, uint8_t *tile) {
    const size_t side = (size_t)level->side, pixel = w->pixel_bytes, left = (size_t)column * side;
    const size_t inside = left + side <= (size_t)level->width ? side : (size_t)level->width - left;
    for (size_t y = 0; y < side; y++) {
        size_t source = y < (size_t)rows ? y : (size_t)rows - 1;
        uint8_t *line = tile + y * side * pixel;
        memcpy(line, level->band + (source * (size_t)level->width + left) * pixel, inside * pixel);
        for (size_t x = inside; x < side; x++)
            memcpy(line + x * pixel, line + (inside - 1) * pixel, pixel);
    }
    if (!w->takes_runs)
        return;
    for (size_t y = 0; y < (size_t)rows; y++)
        memset(level->band + (y * (size_t)level->width + left) * pixel, 0, inside * pixel);
    level->is_painted[column] = false;
}

void cic_tiff_write_tiles(tiff_writer *w, tiff_level *level, int32_t rows) {
    const uint32_t columns = (uint32_t)((level->width - 1) / level->side + 1);
    const uint32_t start = (uint32_t)((level->next_row - 1) / level->side) * columns;
    if (w->workers.count == 0) {
        for (uint32_t column = 0; column < columns; column++) {
            cic_tiff_take_tile(w, level, rows, column, w->tile);
            write_tile(w, level, start + column, (size_t)level->side * (size_t)level->side * w->pixel_bytes);
        }
        return;
    }
    for (uint32_t first = 0; first < columns; first += TILE_GROUP) {
        const uint32_t count = columns - first < TILE_GROUP ? columns - first : TILE_GROUP;
        cic_tiff_code_tiles(w, level, rows, first, (int32_t)count);
        for (uint32_t i = 0; i < count; i++)
            write_coded(w, level, start + first + i, &w->group[i]);
    }
}
