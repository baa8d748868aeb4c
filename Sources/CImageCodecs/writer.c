#include "writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void flush(cic_writer *writer) {
    size_t sent = 0;
    while (sent < writer->used) {
        ssize_t count = write(writer->file, writer->buffer + sent, writer->used - sent);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno != EINTR)
            cic_fail(&writer->failure, CIC_IO_FAILED, "%s", strerror(errno));
    }
    writer->used = 0;
}

void cic_writer_put(cic_writer *writer, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        if (writer->used == sizeof writer->buffer)
            flush(writer);
        size_t room = sizeof writer->buffer - writer->used;
        size_t part = count < room ? count : room;
        memcpy(writer->buffer + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
    }
}

void *cic_writer_create(cic_writer **result, const cic_encoder *encoder, int file, int32_t width, int32_t height,
                        int32_t channels, int32_t sample_bytes) {
    cic_writer *writer = calloc(1, encoder->size);
    *result = writer;
    if (!writer)
        return NULL;
    writer->encoder = encoder;
    writer->file = file;
    writer->width = width;
    writer->height = height;
    writer->channels = channels;
    writer->row_bytes = (size_t)width * (size_t)channels * (size_t)sample_bytes;
    return writer;
}

cic_status cic_writer_start(cic_writer *writer) {
    if (setjmp(writer->failure.escape))
        return writer->failure.status;
    writer->encoder->start(writer);
    return CIC_OK;
}

cic_status cic_writer_write(cic_writer *writer, const uint8_t *rows, int32_t count) {
    if (writer->failure.status != CIC_OK)
        return writer->failure.status;
    assert(count >= 0 && count <= writer->height - writer->next_row);
    if (setjmp(writer->failure.escape))
        return writer->failure.status;
    for (int32_t i = 0; i < count; i++) {
        writer->encoder->write_row(writer, rows + (size_t)i * writer->row_bytes);
        writer->next_row++;
    }
    return CIC_OK;
}

cic_status cic_writer_finish(cic_writer *writer) {
    if (writer->failure.status != CIC_OK)
        return writer->failure.status;
    assert(writer->next_row == writer->height);
    if (setjmp(writer->failure.escape))
        return writer->failure.status;
    writer->encoder->finish(writer);
    flush(writer);
    return CIC_OK;
}

const char *cic_writer_message(const cic_writer *writer) {
    return writer->failure.message;
}

void cic_writer_close(cic_writer *writer) {
    if (!writer)
        return;
    writer->encoder->release(writer);
    free(writer);
}
