#include "tiff_writer.h"

#include <stdlib.h>
#include <string.h>

/// Returns whether the tile has one color.
static bool is_plain(const tiff_writer *w, size_t bytes) {
    return w->pixel_bytes <= sizeof w->levels[0].plain[0].pixel &&
           memcmp(w->tile, w->tile + w->pixel_bytes, bytes - w->pixel_bytes) == 0;
}

/// Keeps the encoded bytes of the tile of one color that was just written.
static void keep_plain(tiff_writer *w, tiff_level *level, uint32_t index) {
    plain_tile *plain = &level->plain[level->next_plain];
    const size_t size = (size_t)TIFFGetStrileByteCount(level->tiff, index);
    const int64_t position = level->stream.position;
    free(plain->encoded);
    *plain = (plain_tile){0};
    plain->encoded = cic_allocate(&w->base.failure, size);
    level->stream.position = (int64_t)TIFFGetStrileOffset(level->tiff, index);
    if (cic_tiff_on_read(&level->stream, plain->encoded, (tmsize_t)size) != (tmsize_t)size)
        cic_tiff_writer_fail(w, level);
    level->stream.position = position;
    memcpy(plain->pixel, w->tile, w->pixel_bytes);
    plain->size = size;
    level->next_plain = (level->next_plain + 1) % PLAIN_TILES;
}

/// Encodes the tile, or reuses the bytes of an earlier tile of the same color.
static void write_tile(tiff_writer *w, tiff_level *level, uint32_t index, size_t bytes) {
    const bool plain = is_plain(w, bytes);
    for (int32_t i = 0; plain && i < PLAIN_TILES; i++) {
        plain_tile *known = &level->plain[i];
        if (known->size == 0 || memcmp(known->pixel, w->tile, w->pixel_bytes) != 0)
            continue;
        if (TIFFWriteRawTile(level->tiff, index, known->encoded, (tmsize_t)known->size) < 0)
            cic_tiff_writer_fail(w, level);
        return;
    }
    if (TIFFWriteEncodedTile(level->tiff, index, w->tile, (tmsize_t)bytes) < 0)
        cic_tiff_writer_fail(w, level);
    if (plain)
        keep_plain(w, level, index);
}

void cic_tiff_write_tiles(tiff_writer *w, tiff_level *level, int32_t rows) {
    size_t side = (size_t)level->side, pixel = w->pixel_bytes;
    int32_t row_of_tiles = (level->next_row - 1) / level->side;
    uint32_t columns = (uint32_t)((level->width - 1) / level->side + 1);
    for (uint32_t column = 0; column < columns; column++) {
        size_t left = (size_t)column * side;
        size_t inside = left + side <= (size_t)level->width ? side : (size_t)level->width - left;
        for (size_t y = 0; y < side; y++) {
            size_t source = y < (size_t)rows ? y : (size_t)rows - 1;
            uint8_t *line = w->tile + y * side * pixel;
            memcpy(line, level->band + (source * (size_t)level->width + left) * pixel, inside * pixel);
            for (size_t x = inside; x < side; x++)
                memcpy(line + x * pixel, line + (inside - 1) * pixel, pixel);
        }
        uint32_t index = (uint32_t)row_of_tiles * columns + column;
        write_tile(w, level, index, side * side * pixel);
    }
}
