#include "writer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cic_writer_fail(cic_writer *writer, cic_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(writer->message, sizeof writer->message, format, arguments);
    va_end(arguments);
    writer->status = status;
    longjmp(writer->escape, 1);
}

static void send_buffer(cic_writer *writer) {
    size_t sent = 0;
    while (sent < writer->used) {
        ssize_t count = write(writer->file, writer->buffer + sent, writer->used - sent);
        if (count >= 0)
            sent += (size_t)count;
        else if (errno != EINTR)
            cic_writer_fail(writer, CIC_IO_FAILED, "%s", strerror(errno));
    }
    writer->used = 0;
}

void cic_writer_put(cic_writer *writer, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        if (writer->used == sizeof writer->buffer)
            send_buffer(writer);
        size_t room = sizeof writer->buffer - writer->used;
        size_t part = count < room ? count : room;
        memcpy(writer->buffer + writer->used, bytes, part);
        writer->used += part;
        bytes += part;
        count -= part;
    }
}

cic_status cic_writer_start(cic_writer *writer, void (*start)(cic_writer *)) {
    if (setjmp(writer->escape))
        return writer->status;
    start(writer);
    return CIC_OK;
}

cic_status cic_writer_write(cic_writer *writer, const uint8_t *rows, int32_t count) {
    if (writer->status != CIC_OK)
        return writer->status;
    assert(count >= 0 && count <= writer->height - writer->next_row);
    if (setjmp(writer->escape))
        return writer->status;
    for (int32_t i = 0; i < count; i++) {
        writer->write_row(writer, rows + (size_t)i * writer->row_bytes);
        writer->next_row++;
    }
    return CIC_OK;
}

cic_status cic_writer_finish(cic_writer *writer) {
    if (writer->status != CIC_OK)
        return writer->status;
    assert(writer->next_row == writer->height);
    if (setjmp(writer->escape))
        return writer->status;
    writer->finish(writer);
    send_buffer(writer);
    return CIC_OK;
}

const char *cic_writer_message(const cic_writer *writer) {
    return writer->message;
}

void cic_writer_close(cic_writer *writer) {
    if (!writer)
        return;
    writer->release(writer);
    free(writer);
}
