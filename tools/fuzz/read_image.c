// Fuzz target (libFuzzer) of the readers of PNG, JPEG and TIFF: any bytes give a status, and rows within the stated
// size.
#define _GNU_SOURCE
#include "CImageCodecs.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/// Larger images take long to decode and tell no more.
enum { LARGEST = 1 << 22 };

static void read_all(cic_reader *reader) {
    int64_t width = cic_reader_width(reader), height = cic_reader_height(reader);
    if (width < 1 || height < 1)
        abort();
    if (width * height > LARGEST)
        return;
    const int32_t rows = 3;
    // RGB or labels.
    void *target = malloc((size_t)(4 * width * rows));
    for (int32_t next = 0; target && next < height; next = cic_reader_next_row(reader)) {
        int32_t count = height - next < rows ? (int32_t)(height - next) : rows;
        if (cic_reader_read(reader, target, count) != CIC_OK) {
            if (!cic_reader_message(reader))
                abort();
            break;
        }
    }
    free(target);
}

/// The compressed tiles of the size that the header states.
static void read_tiles(const uint8_t *bytes, size_t size) {
    cic_tiff_header header;
    int file = memfd_create("tiles", MFD_CLOEXEC);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0)
        abort();
    if (cic_tiff_read_header(&header, file) != CIC_OK || (int64_t)header.tile_width * header.tile_height > LARGEST) {
        close(file);
        return;
    }
    cic_tiles *tiles = cic_tiles_open(file, header.width, header.height, header.tile_width, header.tile_height);
    if (!tiles)
        return;
    const int64_t most = 300;
    uint32_t *pixels = malloc(sizeof *pixels * most * most);
    for (int32_t reduction = 1; pixels && reduction <= 2; reduction++) {
        const int64_t width = (header.width + reduction - 1) / reduction;
        const int64_t height = (header.height + reduction - 1) / reduction;
        cic_rectangle part = {0, 0, width < most ? width : most, height < most ? height : most};
        cic_tiles_read(tiles, reduction, &part, pixels);
    }
    free(pixels);
    cic_tiles_close(tiles);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    cic_status (*const openers[])(cic_reader **, int) = {cic_png_reader_open,  cic_png_label_reader_open,
                                                         cic_jpeg_reader_open, cic_jpeg_reader_open_halved,
                                                         cic_tiff_reader_open, cic_tiff_label_reader_open};
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        int file = memfd_create("image", MFD_CLOEXEC);
        if (file < 0 || write(file, bytes, size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0)
            abort();
        cic_reader *reader = NULL;
        if (openers[i](&reader, file) == CIC_OK)
            read_all(reader);
        cic_reader_close(reader);
        close(file);
    }
    read_tiles(bytes, size);
    return 0;
}
