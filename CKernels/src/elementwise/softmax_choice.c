/// Choice of the variant of softmax.
#include "elementwise/ck_softmax.h"
#include "runtime/instruction_set.h"

const ck_softmax *ck_choose_softmax(void) {
    if (ck_is_selected_isa(CK_ISA_AVX512) && ck_softmax_avx512.sum)
        return &ck_softmax_avx512;
    if (ck_is_selected_isa(CK_ISA_AVX2) && ck_softmax_avx2.sum)
        return &ck_softmax_avx2;
    return &ck_softmax_portable;
}
