#include "tiles.h"

// jpeglib.h needs stdio.h before it.
#include <stdio.h>

#include <jpeglib.h>
#include <stdlib.h>
#include <string.h>

/// The decoder of one call, for all tiles.
struct jpeg_decoder {
    struct jpeg_decompress_struct decompressor;
    struct jpeg_error_mgr errors;
    bool is_created;
    /// A row of a tile.
    uint32_t *row;
};

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

static void create_decoder(tile_job *job) {
    jpeg_decoder *decoder = job->jpeg = cic_allocate(&job->failure, sizeof *job->jpeg);
    memset(decoder, 0, sizeof *decoder);
    decoder->row = cic_allocate(&job->failure, sizeof *decoder->row * (size_t)job->tiles->tile_width);
    struct jpeg_decompress_struct *d = &decoder->decompressor;
    d->err = jpeg_std_error(&decoder->errors);
    decoder->errors.error_exit = on_error;
    decoder->errors.emit_message = on_message;
    decoder->errors.output_message = on_output;
    d->client_data = job;
    jpeg_create_decompress(d);
    decoder->is_created = true;
}

void cic_jpeg_tile(tile_job *job, const tile_window *window) {
    const cic_tiles *t = job->tiles;
    if (!job->jpeg)
        create_decoder(job);
    struct jpeg_decompress_struct *d = &job->jpeg->decompressor;
    if (t->tables) {
        jpeg_mem_src(d, t->tables, t->tables_size);
        jpeg_read_header(d, FALSE);
    }
    jpeg_mem_src(d, job->bytes, job->size);
    jpeg_read_header(d, TRUE);
    if (d->image_width != (JDIMENSION)t->tile_width || d->image_height != (JDIMENSION)t->tile_height ||
        d->num_components != 3)
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of another size");
    d->jpeg_color_space = t->is_ycbcr ? JCS_YCbCr : JCS_RGB;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    d->out_color_space = JCS_EXT_BGRA;
#else
    d->out_color_space = JCS_EXT_ARGB;
#endif
    // The inverse transform of fewer coefficients, which is also the low-pass filter.
    d->scale_num = 1;
    d->scale_denom = (unsigned)job->reduction;
    jpeg_start_decompress(d);
    if (d->output_width != (JDIMENSION)(t->tile_width / job->reduction) ||
        d->output_height != (JDIMENSION)(t->tile_height / job->reduction))
        cic_fail(&job->failure, CIC_UNSUPPORTED, "a tile of an odd size");
    JSAMPROW row = (JSAMPROW)job->jpeg->row;
    for (int64_t y = 0; y < window->end_row; y++) {
        jpeg_read_scanlines(d, &row, 1);
        if (y >= window->first_row)
            memcpy(tile_target(job, window, window->first_column, y), job->jpeg->row + window->first_column,
                   sizeof *job->pixels * (size_t)(window->end_column - window->first_column));
    }
    jpeg_abort_decompress(d);
}

void cic_jpeg_decoder_free(jpeg_decoder *decoder) {
    if (!decoder)
        return;
    if (decoder->is_created)
        jpeg_destroy_decompress(&decoder->decompressor);
    free(decoder->row);
    free(decoder);
}
