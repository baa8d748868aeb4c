/// Choice of the variant of softmax.
#include "elementwise/ck_softmax.h"
#include "runtime/instruction_set.h"

const ck_softmax *ck_choose_softmax(void) {
    ck_isa isa;
    if (ck_wanted_isa(&isa) != CK_OK)
        return NULL;
    if (ck_is_selected_isa(CK_ISA_AVX512) && ck_softmax_avx512.sum)
        return &ck_softmax_avx512;
    if (ck_is_selected_isa(CK_ISA_AVX2) && ck_softmax_avx2.sum)
        return &ck_softmax_avx2;
    return &ck_softmax_portable;
}
