#include "tiles.h"

#include <math.h>
#include <openjpeg.h>
#include <string.h>

/// The codestream of a tile, as it is read.
typedef struct codestream {
    const uint8_t *bytes;
    size_t size, next;
} codestream;

static OPJ_SIZE_T on_read(void *target, OPJ_SIZE_T count, void *data) {
    codestream *stream = data;
    size_t left = stream->size - stream->next;
    if (left == 0)
        return (OPJ_SIZE_T)-1;
    if (count > left)
        count = left;
    memcpy(target, stream->bytes + stream->next, count);
    stream->next += count;
    return count;
}

static OPJ_OFF_T on_skip(OPJ_OFF_T count, void *data) {
    codestream *stream = data;
    if (count < 0 || (uint64_t)count > stream->size - stream->next)
        return -1;
    stream->next += (size_t)count;
    return count;
}

static OPJ_BOOL on_seek(OPJ_OFF_T place, void *data) {
    codestream *stream = data;
    if (place < 0 || (uint64_t)place > stream->size)
        return OPJ_FALSE;
    stream->next = (size_t)place;
    return OPJ_TRUE;
}

static void on_message(const char *text, void *data) {
    (void)text;
    (void)data;
}

/// Returns whether the header is that of a tile: its size, and three components of 8 bits, each whole or halved.
static bool is_expected(const opj_image_t *image, const cic_tiles *t) {
    if (image->x0 != 0 || image->y0 != 0 || image->x1 != (OPJ_UINT32)t->tile_width ||
        image->y1 != (OPJ_UINT32)t->tile_height || image->numcomps != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        const opj_image_comp_t *c = &image->comps[i];
        if (c->prec != 8 || c->sgnd || c->dx < 1 || c->dx > 2 || c->dy < 1 || c->dy > 2)
            return false;
    }
    return true;
}

/// Returns whether the components have the samples of all pixels of a decoded tile.
static bool is_complete(const opj_image_t *image, int64_t width, int64_t height) {
    for (int i = 0; i < 3; i++) {
        const opj_image_comp_t *c = &image->comps[i];
        if (!c->data || c->w < (width + c->dx - 1) / c->dx || c->h < (height + c->dy - 1) / c->dy)
            return false;
    }
    return true;
}

static uint32_t clamped(int value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint32_t)value;
}

/// Offsets that chroma samples add to red, green and blue (JFIF), rounded as OpenSlide does. Those of green are scaled
/// by 2^16.
typedef struct chroma_table {
    int red[256], green_of_red[256], green_of_blue[256], blue[256];
} chroma_table;

static void fill(chroma_table *table) {
    const double unit = 1 << 16;
    for (int i = 0; i < 256; i++) {
        table->red[i] = (int)lround(1.402 * (i - 128));
        table->green_of_red[i] = (int)lround(unit * -0.71414 * (i - 128));
        table->green_of_blue[i] = (int)lround(unit * (0.5 - 0.34414 * (i - 128)));
        table->blue[i] = (int)lround(1.772 * (i - 128));
    }
}

static uint32_t rgb_of_ycbcr(const chroma_table *table, int luma, uint8_t blue, uint8_t red) {
    return clamped(luma + table->red[red]) << 16 |
           clamped(luma + ((table->green_of_blue[blue] + table->green_of_red[red]) >> 16)) << 8 |
           clamped(luma + table->blue[blue]);
}

/// A sample of a component at a pixel of the decoded tile.
static int sample(const opj_image_comp_t *c, int64_t x, int64_t y) {
    return c->data[(y >> (c->dy - 1)) * c->w + (x >> (c->dx - 1))];
}

/// A sample at half size. Low-pass samples are at the first of two pixels, not between them as a mean is, so that they
/// are interpolated a quarter of the way to the next ones. The last pixels of a tile have none.
static int halved_sample(const opj_image_comp_t *c, int64_t x, int64_t y, int64_t next_x, int64_t next_y) {
    return (9 * sample(c, x, y) + 3 * (sample(c, next_x, y) + sample(c, x, next_y)) + sample(c, next_x, next_y) + 8) >>
           4;
}

static void convert(const opj_image_t *image, tile_job *job, const tile_window *window) {
    const int64_t last_x = job->tiles->tile_width / job->reduction - 1;
    const int64_t last_y = job->tiles->tile_height / job->reduction - 1;
    chroma_table table;
    if (job->tiles->is_ycbcr)
        fill(&table);
    for (int64_t y = window->first_row; y < window->end_row; y++) {
        uint32_t *target = tile_target(job, window, window->first_column, y);
        const int64_t next_y = y < last_y ? y + 1 : y;
        for (int64_t x = window->first_column; x < window->end_column; x++) {
            const int64_t next_x = x < last_x ? x + 1 : x;
            uint8_t values[3];
            for (int i = 0; i < 3; i++) {
                const opj_image_comp_t *c = &image->comps[i];
                values[i] = (uint8_t)(job->reduction == 1 ? sample(c, x, y) : halved_sample(c, x, y, next_x, next_y));
            }
            uint32_t rgb = job->tiles->is_ycbcr ? rgb_of_ycbcr(&table, values[0], values[1], values[2])
                                                : (uint32_t)values[0] << 16 | (uint32_t)values[1] << 8 | values[2];
            *target++ = 0xFF000000 | rgb;
        }
    }
}

void cic_jpeg2000_tile(tile_job *job, const tile_window *window) {
    const cic_tiles *t = job->tiles;
    codestream bytes = {.bytes = job->bytes, .size = job->size};
    opj_image_t *image = NULL;
    opj_stream_t *stream = opj_stream_create(job->size, OPJ_TRUE);
    opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
    bool is_decoded = false;
    if (stream && codec) {
        opj_stream_set_user_data(stream, &bytes, NULL);
        opj_stream_set_user_data_length(stream, bytes.size);
        opj_stream_set_read_function(stream, on_read);
        opj_stream_set_skip_function(stream, on_skip);
        opj_stream_set_seek_function(stream, on_seek);
        opj_set_error_handler(codec, on_message, NULL);
        opj_set_warning_handler(codec, on_message, NULL);
        opj_dparameters_t parameters;
        opj_set_default_decoder_parameters(&parameters);
        // Without the last subbands the image has half the size.
        parameters.cp_reduce = job->reduction == 2 ? 1 : 0;
        is_decoded = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
                     is_expected(image, t) && opj_decode(codec, stream, image) &&
                     is_complete(image, t->tile_width / job->reduction, t->tile_height / job->reduction);
    }
    if (is_decoded)
        convert(image, job, window);
    opj_image_destroy(image);
    if (codec)
        opj_destroy_codec(codec);
    if (stream)
        opj_stream_destroy(stream);
    if (!is_decoded)
        cic_fail(&job->failure, CIC_MALFORMED, "damage");
}
