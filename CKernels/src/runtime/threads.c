#include "runtime/ck_internal.h"

#include <cblas.h>

ck_status ck_set_thread_count(int32_t count) {
    if (count < 1 || count > 256)
        return CK_BAD_PARAMETER;
    omp_set_dynamic(0);
    omp_set_num_threads(count);
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

void ck_use_serial_blas(void) {
    // Cheap enough to call before every kernel: the getter only reads a variable.
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}
