/// Which variant of dense layers and optimizer steps is used.
#include "dense/ck_dense.h"
#include "runtime/instruction_set.h"

const ck_dense_variant *ck_dense_choose(void) {
    static const ck_dense_variant *const variants[] = {&ck_dense_avx512, &ck_dense_avx2, &ck_dense_portable};
    ck_isa isa;
    if (ck_wanted_isa(&isa) != CK_OK)
        return NULL;
    for (int i = 0; i < 3; i++)
        if (variants[i]->dots.dot && ck_is_selected_isa(variants[i]->isa))
            return variants[i];
    return NULL;
}
