/// A pyramid that is encoded as TIFF: its levels and their tiles.
#ifndef CIC_TIFF_WRITER_H
#define CIC_TIFF_WRITER_H

#include "tiff_stream.h"
#include "writer.h"

#include <zlib.h>

/// The encoded bytes of a tile of one color. Masks have many such tiles.
typedef struct plain_tile {
    uint8_t pixel[16];
    uint8_t *encoded;
    size_t size;
} plain_tile;

enum { PLAIN_TILES = 2 };

/// One level of the pyramid. Level 0 is written to the destination, every other level to a scratch file.
typedef struct tiff_level {
    tiff_stream stream;
    TIFF *tiff;
    int32_t width, height, next_row;
    /// Side of a tile in pixels.
    int32_t side;
    /// [side][width]: the rows of the current tiles.
    uint8_t *band;
    /// For each tile of the band, whether pixels were written to it. The others are 0.
    bool *is_painted;
    /// The most recent tiles of one color; size 0 marks an empty entry.
    plain_tile plain[PLAIN_TILES];
    int32_t next_plain;
} tiff_level;

/// The encoder of one thread.
typedef struct tile_coder {
    z_stream stream;
    bool is_open;
    /// [tile][tile]: the pixels of a tile.
    uint8_t *pixels;
} tile_coder;

/// A tile between its encoding and its place in the file.
typedef struct coded_tile {
    uint8_t *encoded;
    /// 0 for a tile of one color whose bytes its level keeps.
    size_t size;
    bool is_plain;
    /// The first pixel, which a tile of one color repeats.
    uint8_t pixel[sizeof(uint32_t)];
} coded_tile;

/// The most neighboring tiles that threads encode before they are written, and the most threads.
enum { TILE_GROUP = 32, TILE_CODERS = 16 };

typedef struct tiff_writer {
    cic_writer base;
    cic_tiff_format format;
    TIFFOpenOptions *options;
    char software[64];
    tiff_log log;
    int32_t level_count;
    tiff_level levels[CIC_TIFF_MOST_LEVELS];
    size_t pixel_bytes;
    /// Whether rows may be given as runs: those of 8-bit gray images and of labels.
    bool takes_runs;
    /// [tile][tile]: one tile, decoded or encoded.
    uint8_t *tile;
    size_t tile_capacity;
    /// The count is 0 where libtiff encodes the tiles.
    cic_workers workers;
    /// The first `workers.count` are in use.
    tile_coder coders[TILE_CODERS];
    /// Neighboring tiles; each has room for `coded_capacity` bytes.
    coded_tile group[TILE_GROUP];
    size_t coded_capacity;
} tiff_writer;

/// Fails with the reason for which libtiff failed at a level.
__attribute__((noreturn)) void cic_tiff_writer_fail(tiff_writer *w, const tiff_level *level);

// Tiles (tiff_write_tile.c)

/// Encodes the tiles whose rows the band holds. Pixels outside the image repeat its edge.
void cic_tiff_write_tiles(tiff_writer *w, tiff_level *level, int32_t rows);

// Tiles that threads encode (tiff_tile_coders.c)

/// Allocates what the threads need.
void cic_tiff_start_coders(tiff_writer *w);
/// Encodes neighboring tiles into the group. first: the column of the first one; rows: those of the band.
void cic_tiff_code_tiles(tiff_writer *w, tiff_level *level, int32_t rows, uint32_t first, int32_t count);
/// Encodes a tile of one color, from its pixel.
void cic_tiff_code_plain(tiff_writer *w, const tiff_level *level, coded_tile *tile);
void cic_tiff_release_coders(tiff_writer *w);

/// tile[side][side]: the pixels of a tile of the band. Leaves zeros in the band, as runs expect.
void cic_tiff_take_tile(const tiff_writer *w, tiff_level *level, int32_t rows, uint32_t column, uint8_t *tile);
/// Returns whether the tile has one color.
bool cic_tiff_is_plain(const tiff_writer *w, const uint8_t *tile, size_t bytes);
/// Returns the known tile of this color; null without one.
const plain_tile *cic_tiff_find_plain(const tiff_writer *w, const tiff_level *level, const uint8_t *pixel);

// Levels as SubIFDs (tiff_sublevels.c)

/// Reserves the tag that names the lower levels in the directory of the full resolution.
void cic_tiff_reserve_sublevels(tiff_writer *w, TIFF *tiff);
/// Writes the places of the lower levels to that tag. All directories are written.
void cic_tiff_link_sublevels(tiff_writer *w);

// Means (tiff_halve.c)

/// output[ceil(width / 2)]: means of 2 x 2 samples of two rows. At an odd edge a pixel counts twice.
void cic_tiff_halve_bytes(uint8_t *restrict output, const uint8_t *upper, const uint8_t *lower, int32_t width,
                          int32_t channels);
/// The same for floats; NaN does not count.
void cic_tiff_halve_floats(float *output, const float *upper, const float *lower, int32_t width);
/// output[ceil(width / 2)]: every other label of a row, from the first on.
void cic_tiff_halve_labels(uint32_t *restrict output, const uint32_t *upper, int32_t width);

#endif
