// Lets calls of a function of the C library fail: preloaded into a command, with FAULT_CALL (the name of the function)
// and FAULT_AT (which of its calls, from 1 on, or "all").
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);

static const char *call;
static long at;
static atomic_long count;

// Before that, libraries are loaded, whose failures are not ours.
__attribute__((constructor)) static void start(void) {
    const char *number = getenv("FAULT_AT");
    at = !number ? 0 : strcmp(number, "all") == 0 ? -1 : atol(number);
    call = getenv("FAULT_CALL");
}

static int fails(const char *name, int error) {
    if (!call || strcmp(call, name) != 0 || (atomic_fetch_add(&count, 1) + 1 != at && at >= 0))
        return 0;
    errno = error;
    return 1;
}

#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails("open", EACCES) ? -1 : ORIGINAL(open)(path, flags, mode);
}

ssize_t read(int file, void *bytes, size_t size) {
    return fails("read", EIO) ? -1 : ORIGINAL(read)(file, bytes, size);
}

ssize_t pread(int file, void *bytes, size_t size, off_t offset) {
    return fails("read", EIO) ? -1 : ORIGINAL(pread)(file, bytes, size, offset);
}

ssize_t write(int file, const void *bytes, size_t size) {
    return file > 2 && fails("write", ENOSPC) ? -1 : ORIGINAL(write)(file, bytes, size);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    return fails("write", ENOSPC) ? -1 : ORIGINAL(pwrite)(file, bytes, size, offset);
}

int fsync(int file) {
    return fails("fsync", EIO) ? -1 : ORIGINAL(fsync)(file);
}

// As on a file system without locks.
int flock(int file, int operation) {
    return fails("flock", ENOSYS) ? -1 : ORIGINAL(flock)(file, operation);
}

int rename(const char *from, const char *to) {
    return fails("rename", EACCES) ? -1 : ORIGINAL(rename)(from, to);
}

void *mmap(void *place, size_t size, int protection, int flags, int file, off_t offset) {
    return fails("mmap", ENOMEM) ? MAP_FAILED : ORIGINAL(mmap)(place, size, protection, flags, file, offset);
}

void *malloc(size_t size) {
    return fails("malloc", ENOMEM) ? NULL : __libc_malloc(size);
}
