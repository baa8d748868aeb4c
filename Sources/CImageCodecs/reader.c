#include "reader.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void cic_reader_fail(cic_reader *reader, cic_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->message, sizeof reader->message, format, arguments);
    va_end(arguments);
    reader->status = status;
    longjmp(reader->escape, 1);
}

size_t cic_reader_fetch(cic_reader *reader, uint8_t *bytes, size_t capacity) {
    size_t count = fread(bytes, 1, capacity, reader->file);
    if (count == 0) {
        if (ferror(reader->file))
            cic_reader_fail(reader, CIC_IO_FAILED, "%s", strerror(errno));
        cic_reader_fail(reader, CIC_TRUNCATED, "the end of the file");
    }
    return count;
}

cic_status cic_reader_start(cic_reader *reader, int file, void (*start)(cic_reader *)) {
    if (setjmp(reader->escape))
        return reader->status;
    reader->file = fdopen(file, "rb");
    if (!reader->file) {
        int error = errno;
        close(file);
        cic_reader_fail(reader, CIC_IO_FAILED, "%s", strerror(error));
    }
    struct stat information;
    if (fstat(file, &information) != 0)
        cic_reader_fail(reader, CIC_IO_FAILED, "%s", strerror(errno));
    reader->file_size = S_ISREG(information.st_mode) ? (int64_t)information.st_size : -1;
    start(reader);
    return CIC_OK;
}

cic_status cic_reader_read(cic_reader *reader, uint8_t *rgb, int32_t count) {
    assert(count >= 0);
    if (reader->status != CIC_OK)
        return reader->status;
    assert(count <= reader->height - reader->next_row);
    if (setjmp(reader->escape))
        return reader->status;
    if (count > 0)
        reader->read(reader, rgb, count);
    return CIC_OK;
}

int32_t cic_reader_width(const cic_reader *reader) {
    return reader->width;
}

int32_t cic_reader_height(const cic_reader *reader) {
    return reader->height;
}

int32_t cic_reader_next_row(const cic_reader *reader) {
    return reader->next_row;
}

const char *cic_reader_message(const cic_reader *reader) {
    return reader->message;
}

void cic_reader_close(cic_reader *reader) {
    if (!reader)
        return;
    reader->release(reader);
    if (reader->file)
        fclose(reader->file);
    free(reader);
}
