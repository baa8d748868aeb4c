/// Tiles of slides, and the decoders of their compressions.
#ifndef CIC_TILES_H
#define CIC_TILES_H

#include "failure.h"

#include <stdbool.h>

struct cic_tiles {
    int file;
    int32_t width, height, tile_width, tile_height;
    /// Tiles in a row of tiles.
    int64_t across;
    /// Place and size of each tile in the file.
    uint64_t *offsets, *sizes;
    /// Quantization and Huffman tables of all tiles; null where each has its own.
    uint8_t *tables;
    uint32_t tables_size;
    /// Whether tiles are JPEG 2000 codestreams. Otherwise they are JPEG images.
    bool is_jpeg2000;
    /// Whether tiles store YCbCr. Otherwise they store RGB. Headers of tiles do not state it.
    bool is_ycbcr;
};

typedef struct jpeg_decoder jpeg_decoder;

/// One call of cic_tiles_read.
typedef struct tile_job {
    cic_failure failure;
    const cic_tiles *tiles;
    /// Pixels of the image, along each axis, for one that is decoded.
    int32_t reduction;
    /// The rectangle to read, in decoded pixels.
    cic_rectangle part;
    uint32_t *pixels;
    /// The compressed bytes of the current tile.
    uint8_t *bytes;
    size_t size, capacity;
    /// Null before the first JPEG tile.
    jpeg_decoder *jpeg;
} tile_job;

/// The pixels of a tile that lie in the rectangle, relative to the tile. left, top: the tile in pixels as they are
/// decoded.
typedef struct tile_window {
    int64_t left, top;
    int64_t first_column, end_column, first_row, end_row;
} tile_window;

/// Where a pixel of the window belongs.
static inline uint32_t *tile_target(const tile_job *job, const tile_window *window, int64_t column, int64_t row) {
    return job->pixels + (window->top + row - job->part.y) * job->part.width + (window->left + column - job->part.x);
}

/// Decode the current tile. On failure, they jump to the failure of the job.
void cic_jpeg_tile(tile_job *job, const tile_window *window);
void cic_jpeg2000_tile(tile_job *job, const tile_window *window);
/// decoder may be null.
void cic_jpeg_decoder_free(jpeg_decoder *decoder);

#endif
