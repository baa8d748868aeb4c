/// File access and messages for libtiff, without its global state.
#ifndef CIC_TIFF_STREAM_H
#define CIC_TIFF_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <tiffio.h>

/// A TIFF file behind a descriptor, with its own position. libtiff's own functions would discard the errno of a
/// failure.
typedef struct tiff_stream {
    int file;
    int64_t position;
    /// errno of the first failed call; 0 after none.
    int error;
} tiff_stream;

/// Messages of libtiff about a file.
typedef struct tiff_log {
    /// The last error.
    char detail[160];
    /// Whether a decoder warned of damage, which it paints over.
    bool has_damage;
} tiff_log;

/// Options that send messages to a log, which must outlive them; null where memory is short.
TIFFOpenOptions *cic_tiff_options(tiff_log *log);
/// Opens a file from the start of its stream; null on failure.
TIFF *cic_tiff_open(tiff_stream *stream, const char *mode, TIFFOpenOptions *options);
/// Reads up to count bytes at the position of a stream. A callback of libtiff, whose handles are tiff_stream pointers.
tmsize_t cic_tiff_on_read(thandle_t handle, void *bytes, tmsize_t count);
/// Writes bytes at the position of a stream; fewer where the stream has an error afterwards. A callback of libtiff.
tmsize_t cic_tiff_on_write(thandle_t handle, void *bytes, tmsize_t count);

#endif
