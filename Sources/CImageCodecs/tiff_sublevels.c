#include "tiff_writer.h"

#include <errno.h>

// OME-TIFF names the levels of a pyramid in the SubIFDs tag of the full resolution. libtiff would leave such levels out
// of the chain of directories, where OpenSlide searches them. So the full resolution is written with a tag of the next
// number, which has no meaning, and the tag gets its number and values when the offsets of the levels are known.
enum { SUB_IFDS = 330, PLACEHOLDER = 331 };

void cic_tiff_reserve_sublevels(tiff_writer *w, TIFF *tiff) {
    static const TIFFFieldInfo field = {PLACEHOLDER, TIFF_VARIABLE2,  TIFF_VARIABLE2, TIFF_LONG8, FIELD_CUSTOM, 1,
                                        1,           (char *)"Levels"};
    if (w->level_count < 2)
        return;
    uint64_t offsets[CIC_TIFF_MOST_LEVELS] = {0};
    if (TIFFMergeFieldInfo(tiff, &field, 1) != 0 ||
        !TIFFSetField(tiff, PLACEHOLDER, (uint32_t)(w->level_count - 1), offsets))
        cic_tiff_writer_fail(w, &w->levels[0]);
}

// BigTIFF, in the machine's byte order.
enum { HEADER_BYTES = 16, ENTRY_BYTES = 20 };

/// Reads or writes bytes of the file at an offset. Fails unless all of them could be moved.
static void move_bytes(tiff_writer *w, tmsize_t (*move)(thandle_t, void *, tmsize_t), void *bytes, size_t count,
                       uint64_t offset) {
    tiff_stream *stream = &w->levels[0].stream;
    stream->position = (int64_t)offset;
    if (move(stream, bytes, (tmsize_t)count) == (tmsize_t)count)
        return;
    if (stream->error == 0)
        stream->error = EIO;
    cic_tiff_writer_fail(w, &w->levels[0]);
}

static void read_bytes(tiff_writer *w, void *bytes, size_t count, uint64_t offset) {
    move_bytes(w, cic_tiff_on_read, bytes, count, offset);
}

static void write_bytes(tiff_writer *w, void *bytes, size_t count, uint64_t offset) {
    move_bytes(w, cic_tiff_on_write, bytes, count, offset);
}

static uint64_t read_number(tiff_writer *w, uint64_t offset) {
    uint64_t number = 0;
    read_bytes(w, &number, sizeof number, offset);
    return number;
}

/// Returns the offset of the directory after one.
static uint64_t next_directory(tiff_writer *w, uint64_t directory) {
    return read_number(w, directory + sizeof(uint64_t) + ENTRY_BYTES * read_number(w, directory));
}

void cic_tiff_link_sublevels(tiff_writer *w) {
    uint64_t full = read_number(w, HEADER_BYTES / 2), offsets[CIC_TIFF_MOST_LEVELS];
    int32_t count = w->level_count - 1;
    for (int32_t index = 0; index < count; index++)
        offsets[index] = next_directory(w, index == 0 ? full : offsets[index - 1]);
    uint64_t entries = read_number(w, full);
    for (uint64_t index = 0; index < entries; index++) {
        uint64_t place = full + sizeof(uint64_t) + ENTRY_BYTES * index;
        uint16_t tag = 0;
        read_bytes(w, &tag, sizeof tag, place);
        if (tag != PLACEHOLDER)
            continue;
        tag = SUB_IFDS;
        write_bytes(w, &tag, sizeof tag, place);
        // One value is in the entry itself.
        uint64_t values = place + ENTRY_BYTES - sizeof(uint64_t);
        write_bytes(w, offsets, sizeof *offsets * (size_t)count, count == 1 ? values : read_number(w, values));
    }
}
