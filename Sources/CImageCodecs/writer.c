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
    writer->sample_bytes = sample_bytes;
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

void cic_paint_runs(uint8_t *row, int32_t sample_bytes, const cic_run *runs, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        if (sample_bytes == 1) {
            memset(row + runs[i].start, (int)runs[i].value, (size_t)(runs[i].end - runs[i].start));
        } else {
            uint32_t *labels = (uint32_t *)(void *)row;
            for (int32_t x = runs[i].start; x < runs[i].end; x++)
                labels[x] = runs[i].value;
        }
    }
}

cic_status cic_writer_write_runs(cic_writer *writer, const cic_run *runs, int32_t run_count, int32_t count) {
    if (writer->failure.status != CIC_OK)
        return writer->failure.status;
    assert(count >= 0 && count <= writer->height - writer->next_row);
    assert(writer->channels == 1 && (writer->sample_bytes == 1 || writer->sample_bytes == 4));
    for (int32_t i = 0; i < run_count; i++)
        assert(runs[i].start >= 0 && runs[i].start <= runs[i].end && runs[i].end <= writer->width);
    if (setjmp(writer->failure.escape))
        return writer->failure.status;
    if (!writer->encoder->write_runs) {
        if (!writer->painted)
            writer->painted = cic_allocate(&writer->failure, writer->row_bytes);
        memset(writer->painted, 0, writer->row_bytes);
        cic_paint_runs(writer->painted, writer->sample_bytes, runs, run_count);
    }
    for (int32_t i = 0; i < count; i++) {
        if (writer->encoder->write_runs)
            writer->encoder->write_runs(writer, runs, run_count);
        else
            writer->encoder->write_row(writer, writer->painted);
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
    free(writer->painted);
    free(writer);
}
