#include "reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

size_t cic_reader_fetch(cic_reader *reader, uint8_t *bytes, size_t capacity) {
    size_t count = fread(bytes, 1, capacity, reader->file);
    if (count == 0) {
        if (ferror(reader->file))
            cic_fail(&reader->failure, CIC_IO_FAILED, "%s", strerror(errno));
        cic_fail(&reader->failure, CIC_TRUNCATED, "the end of the file");
    }
    return count;
}

cic_status cic_reader_open(cic_reader **result, int file, const cic_decoder *decoder) {
    cic_reader *reader = calloc(1, decoder->size);
    *result = reader;
    if (!reader) {
        close(file);
        return CIC_NO_MEMORY;
    }
    reader->decoder = decoder;
    if (setjmp(reader->failure.escape))
        return reader->failure.status;
    reader->file = fdopen(file, "rb");
    if (!reader->file) {
        int error = errno;
        close(file);
        cic_fail(&reader->failure, CIC_IO_FAILED, "%s", strerror(error));
    }
    struct stat information;
    if (fstat(file, &information) != 0)
        cic_fail(&reader->failure, CIC_IO_FAILED, "%s", strerror(errno));
    reader->file_size = S_ISREG(information.st_mode) ? (int64_t)information.st_size : -1;
    decoder->start(reader);
    return CIC_OK;
}

cic_status cic_reader_read(cic_reader *reader, void *rows, int32_t count) {
    assert(count >= 0);
    if (reader->failure.status != CIC_OK)
        return reader->failure.status;
    assert(count <= reader->height - reader->next_row);
    if (setjmp(reader->failure.escape))
        return reader->failure.status;
    if (count > 0)
        reader->decoder->read(reader, rows, count);
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
    return reader->failure.message;
}

void cic_reader_close(cic_reader *reader) {
    if (!reader)
        return;
    reader->decoder->release(reader);
    if (reader->file)
        fclose(reader->file);
    free(reader);
}

void cic_reader_check_size(cic_reader *reader, int32_t width, int32_t height, int64_t bits_per_pixel,
                           double expansion) {
    double needed = (double)width * (double)height * (double)bits_per_pixel / 8;
    if (reader->file_size >= 0 && needed > expansion * (double)reader->file_size)
        cic_fail(&reader->failure, CIC_TRUNCATED, "only %lld bytes for the %d x %d px", (long long)reader->file_size,
                 width, height);
}

void cic_compose_over_white(uint8_t *rgb, const uint8_t *rgba, int64_t count, bool premultiplied) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t alpha = rgba[4 * i + 3];
        for (int c = 0; c < 3; c++) {
            uint32_t color = premultiplied ? 255 * (uint32_t)rgba[4 * i + c] : rgba[4 * i + c] * alpha;
            uint32_t sum = (color + 255 * (255 - alpha) + 127) / 255;
            rgb[3 * i + c] = (uint8_t)(sum < 255 ? sum : 255);
        }
    }
}

void cic_rgb_from_cmyk(uint8_t *rgb, const uint8_t *cmyk, int64_t count, bool inverted) {
    uint32_t flip = inverted ? 0 : 255;
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(((cmyk[4 * i + c] ^ flip) * (cmyk[4 * i + 3] ^ flip) + 127) / 255);
}

uint32_t cic_label(cic_reader *reader, const uint32_t *colors, int32_t count, uint32_t alpha, uint32_t opaque) {
    if (alpha == 0)
        return 0;
    if (alpha != opaque)
        cic_fail(&reader->failure, CIC_UNSUPPORTED, "pixels that are partly transparent are not labels");
    if (count == 3 && (colors[0] != colors[1] || colors[0] != colors[2]))
        cic_fail(&reader->failure, CIC_UNSUPPORTED, "colors are not labels; gray values are expected");
    return colors[0];
}
