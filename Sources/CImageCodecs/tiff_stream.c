#include "tiff_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

tmsize_t cic_tiff_on_read(thandle_t handle, void *bytes, tmsize_t count) {
    tiff_stream *stream = handle;
    tmsize_t done = 0;
    // Offsets of damaged files may be negative.
    while (done < count && stream->position >= 0) {
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

static toff_t on_size(thandle_t handle) {
    tiff_stream *stream = handle;
    off_t size = lseek(stream->file, 0, SEEK_END);
    return size < 0 ? 0 : (toff_t)size;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    tiff_stream *stream = handle;
    int64_t start = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? stream->position : (int64_t)on_size(handle);
    stream->position = start + (int64_t)offset;
    return (toff_t)stream->position;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

__attribute__((format(printf, 4, 0))) static int on_error(TIFF *tiff, void *context, const char *module,
                                                          const char *format, va_list arguments) {
    (void)tiff;
    (void)module;
    tiff_log *log = context;
    vsnprintf(log->detail, sizeof log->detail, format, arguments);
    return 1;
}

__attribute__((format(printf, 4, 0))) static int on_warning(TIFF *tiff, void *context, const char *module,
                                                            const char *format, va_list arguments) {
    (void)tiff;
    tiff_log *log = context;
    if (!module || (strcmp(module, "JPEGLib") != 0 && strcmp(module, "PackBitsDecode") != 0))
        return 1;
    vsnprintf(log->detail, sizeof log->detail, format, arguments);
    log->has_damage = true;
    return 1;
}

TIFFOpenOptions *cic_tiff_options(tiff_log *log) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (options) {
        TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, log);
        TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, log);
    }
    return options;
}

TIFF *cic_tiff_open(tiff_stream *stream, const char *mode, TIFFOpenOptions *options) {
    stream->position = 0;
    return TIFFClientOpenExt("image", mode, stream, cic_tiff_on_read, cic_tiff_on_write, on_seek, on_close, on_size,
                             NULL, NULL, options);
}
