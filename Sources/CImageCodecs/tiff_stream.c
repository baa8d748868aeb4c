#include "tiff_stream.h"

#include <errno.h>
#include <unistd.h>

tmsize_t cic_tiff_on_read(thandle_t handle, void *bytes, tmsize_t count) {
    tiff_stream *stream = handle;
    tmsize_t done = 0;
    while (done < count) {
        ssize_t part = pread(stream->file, (uint8_t *)bytes + done, (size_t)(count - done), stream->position);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0 && stream->error == 0)
            stream->error = errno;
        if (part <= 0)
            break;
        done += part;
        stream->position += part;
    }
    return done;
}

tmsize_t cic_tiff_on_write(thandle_t handle, void *bytes, tmsize_t count) {
    tiff_stream *stream = handle;
    tmsize_t done = 0;
    while (done < count) {
        ssize_t part = pwrite(stream->file, (const uint8_t *)bytes + done, (size_t)(count - done), stream->position);
        if (part < 0 && errno == EINTR)
            continue;
        if (part < 0) {
            if (stream->error == 0)
                stream->error = errno;
            break;
        }
        done += part;
        stream->position += part;
    }
    return done;
}

toff_t cic_tiff_on_size(thandle_t handle) {
    tiff_stream *stream = handle;
    off_t size = lseek(stream->file, 0, SEEK_END);
    return size < 0 ? 0 : (toff_t)size;
}

toff_t cic_tiff_on_seek(thandle_t handle, toff_t offset, int whence) {
    tiff_stream *stream = handle;
    int64_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? stream->position : (int64_t)cic_tiff_on_size(handle);
    stream->position = start + (int64_t)offset;
    return (toff_t)stream->position;
}

int cic_tiff_on_close(thandle_t handle) {
    (void)handle;
    return 0;
}
