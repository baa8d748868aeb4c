#include "writer.h"

#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>

#include <jerror.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct jpeg_writer {
    cic_writer base;
    struct jpeg_compress_struct compressor;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    int32_t quality;
    /// Valid in `start` only.
    const char *software;
    bool created;
    uint8_t block[1 << 14];
} jpeg_writer;

static void on_error(j_common_ptr e) {
    cic_writer *writer = e->client_data;
    char message[JMSG_LENGTH_MAX];
    e->err->format_message(e, message);
    cic_fail(&writer->failure, e->err->msg_code == JERR_OUT_OF_MEMORY ? CIC_NO_MEMORY : CIC_UNSUPPORTED, "%s", message);
}

static void on_message(j_common_ptr e, int level) {
    (void)e;
    (void)level;
}

static void on_output(j_common_ptr e) {
    (void)e;
}

static void on_destination(j_compress_ptr e) {
    jpeg_writer *w = e->client_data;
    w->destination.next_output_byte = w->block;
    w->destination.free_in_buffer = sizeof w->block;
}

/// Called with the block full; free_in_buffer is undefined here.
static boolean on_full(j_compress_ptr e) {
    jpeg_writer *w = e->client_data;
    cic_writer_put(&w->base, w->block, sizeof w->block);
    on_destination(e);
    return TRUE;
}

static void on_end(j_compress_ptr e) {
    jpeg_writer *w = e->client_data;
    cic_writer_put(&w->base, w->block, sizeof w->block - w->destination.free_in_buffer);
}

static void start(cic_writer *writer) {
    jpeg_writer *w = (jpeg_writer *)writer;
    struct jpeg_compress_struct *e = &w->compressor;
    e->err = jpeg_std_error(&w->errors);
    w->errors.error_exit = on_error;
    w->errors.emit_message = on_message;
    w->errors.output_message = on_output;
    e->client_data = w;
    jpeg_create_compress(e);
    w->created = true;
    w->destination.init_destination = on_destination;
    w->destination.empty_output_buffer = on_full;
    w->destination.term_destination = on_end;
    e->dest = &w->destination;
    e->image_width = (JDIMENSION)writer->width;
    e->image_height = (JDIMENSION)writer->height;
    e->input_components = writer->channels;
    e->in_color_space = JCS_RGB;
    jpeg_set_defaults(e);
    jpeg_set_quality(e, w->quality, TRUE);
    // Full chroma: outlines are one pixel wide, and stains differ by color alone.
    e->comp_info[0].h_samp_factor = 1;
    e->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(e, TRUE);
    if (w->software && w->software[0])
        jpeg_write_marker(e, JPEG_COM, (const JOCTET *)w->software, (unsigned)strlen(w->software));
}

static void write_row(cic_writer *writer, const uint8_t *row) {
    // libjpeg reads the row only; its type lacks const.
    JSAMPROW samples = (JSAMPROW)(uintptr_t)row;
    jpeg_write_scanlines(&((jpeg_writer *)writer)->compressor, &samples, 1);
}

static void finish(cic_writer *writer) {
    jpeg_finish_compress(&((jpeg_writer *)writer)->compressor);
}

static void release(cic_writer *writer) {
    jpeg_writer *w = (jpeg_writer *)writer;
    if (w->created)
        jpeg_destroy_compress(&w->compressor);
}

static const cic_encoder encoder = {sizeof(jpeg_writer), start, write_row, NULL, finish, release};

cic_status cic_jpeg_writer_open(cic_writer **writer, int file, int32_t width, int32_t height, int32_t quality,
                                const char *software) {
    jpeg_writer *w = cic_writer_create(writer, &encoder, file, width, height, 3, 1);
    if (!w)
        return CIC_NO_MEMORY;
    w->quality = quality;
    w->software = software;
    return cic_writer_start(*writer);
}
