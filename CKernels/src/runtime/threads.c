#include "runtime/ck_internal.h"

#include <cblas.h>
#include <pthread.h>
#include <sys/mman.h>

/// OpenBLAS's own allocation of a buffer for a thread that multiplies matrices. It tries again for ever where the
/// system refuses memory.
extern void *blas_memory_alloc(int position) __attribute__((weak));
extern void blas_memory_free(void *buffer) __attribute__((weak));

enum { MAX_THREADS = 256, MAX_BUFFERS = 64 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *pass_gate(void *argument) {
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return argument;
}

/// The number of threads, at most `wanted`, that can exist at once, the calling one included: the OpenMP runtime aborts
/// where it cannot start a thread.
static int32_t possible_threads(int32_t wanted) {
    pthread_t threads[MAX_THREADS];
    int32_t started = 0;
    pthread_mutex_lock(&gate);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, pass_gate, NULL) == 0)
        started++;
    pthread_mutex_unlock(&gate);
    for (int32_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started + 1;
}

/// Makes OpenBLAS allocate the buffers of `wanted` threads; it keeps them. Returns how many threads have memory for
/// one.
static int32_t reserve_buffers(int32_t wanted) {
    if (!blas_memory_alloc || !blas_memory_free)
        return wanted;
    void *buffers[MAX_BUFFERS];
    int32_t count = 0;
    while (count < wanted && count < MAX_BUFFERS) {
        void *room = mmap(NULL, CK_BYTES_PER_THREAD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED)
            break;
        munmap(room, CK_BYTES_PER_THREAD);
        buffers[count++] = blas_memory_alloc(0);
    }
    for (int32_t i = 0; i < count; i++)
        blas_memory_free(buffers[i]);
    return count < MAX_BUFFERS ? count : wanted;
}

ck_status ck_set_thread_count(int32_t count) {
    static int32_t started = 0;
    if (count < 1 || count > MAX_THREADS)
        return CK_BAD_PARAMETER;
    if (count > started) {
        count = reserve_buffers(possible_threads(count));
        if (count < 1)
            return CK_OUT_OF_MEMORY;
    }
    omp_set_dynamic(0);
    omp_set_num_threads(count);
    if (count > started) {
        // Starts the threads while they can be had; the runtime keeps them.
        started = count;
        (void)ck_team_size();
    }
    return CK_OK;
}

int32_t ck_thread_count(void) {
    return omp_get_max_threads();
}

int32_t ck_team_size(void) {
    int size = 1;
#pragma omp parallel
    {
#pragma omp single
        size = omp_get_num_threads();
    }
    return size;
}

ck_status ck_for_each(int64_t count, void (*body)(int64_t index, int32_t thread, void *context), void *context) {
    if (!body)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    // The next index of each part, on a cache line of its own. A part of its own keeps what a thread has in its cache.
    struct {
        _Alignas(64) int64_t index;
    } next[MAX_THREADS];
    const int64_t most = ck_min(omp_get_max_threads(), MAX_THREADS);
    for (int64_t part = 0; part < most; part++) {
        next[part].index = part * count / most;
    }
    // Dynamic schedules of Swift's compiler call a function that the OpenMP runtime of Debian 12 does not have.
#pragma omp parallel
    for (int64_t step = 0; step < most; step++) {
        const int64_t part = (omp_get_thread_num() + step) % most, end = (part + 1) * count / most;
        for (;;) {
            int64_t index;
#pragma omp atomic capture
            index = next[part].index++;
            if (index >= end)
                break;
            body(index, omp_get_thread_num(), context);
        }
    }
    return CK_OK;
}

void ck_use_serial_blas(void) {
    // Cheap enough to call before every kernel: the getter only reads a variable.
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}
