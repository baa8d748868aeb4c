/// File access for libtiff that keeps the errno of a failure.
#ifndef CIC_TIFF_STREAM_H
#define CIC_TIFF_STREAM_H

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

// Callbacks for TIFFClientOpenExt, whose handles are tiff_stream pointers.

tmsize_t cic_tiff_on_read(thandle_t handle, void *bytes, tmsize_t count);
tmsize_t cic_tiff_on_write(thandle_t handle, void *bytes, tmsize_t count);
toff_t cic_tiff_on_size(thandle_t handle);
toff_t cic_tiff_on_seek(thandle_t handle, toff_t offset, int whence);
/// Does nothing: the caller owns the descriptor.
int cic_tiff_on_close(thandle_t handle);

#endif
