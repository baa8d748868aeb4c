// Start of the libraries of the kernels, where the system refuses what they take for granted. Both functions are parts
// of the executable, so that they come before those libraries.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

// OpenBLAS starts a thread for each processor when it is loaded, and ends the process where it cannot. Kernels call it
// from one thread each, so it is loaded with a single one. Only the environment can request that, and before libraries
// are loaded it cannot grow: the setting takes the place of another variable for the time of loading.
static char setting[] = "OPENBLAS_NUM_THREADS=1";
static char **place;
static char *displaced;

static void before_libraries(int count, char **arguments, char **environment) {
    (void)count, (void)arguments;
    for (char **variable = environment; *variable; variable++) {
        int is_same = strncmp(*variable, setting, strlen("OPENBLAS_NUM_THREADS=")) == 0;
        if (is_same || strncmp(*variable, "_=", 2) == 0 || !place)
            place = variable;
        if (is_same)
            break;
    }
    if (place) {
        displaced = *place;
        *place = setting;
    }
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(int, char **, char **) = before_libraries;

__attribute__((constructor)) static void after_libraries(void) {
    if (place)
        *place = displaced;
}

/// The function of the C library, except for the file by which LLVM's OpenMP runtime finds copies of itself in the
/// process. The runtime aborts where the system has no /dev/shm, and where a killed process with the same number has
/// left its file. A file in memory has neither problem.
int shm_open(const char *name, int flags, mode_t mode) {
    if (strncmp(name, "/__KMP_REGISTERED_LIB_", strlen("/__KMP_REGISTERED_LIB_")) == 0) {
        int file = flags & O_CREAT ? memfd_create(name, MFD_CLOEXEC) : -1;
        if (file >= 0)
            return file;
    }
    int (*original)(const char *, int, mode_t) = (int (*)(const char *, int, mode_t))dlsym(RTLD_NEXT, "shm_open");
    return original ? original(name, flags, mode) : -1;
}
