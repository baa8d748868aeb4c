/// Selection of the augmentation variant for the processor.
#include "image/image_augment.h"
#include "runtime/instruction_set.h"

ck_status ck_augment_choose(const ck_augment_variant **variant) {
    const ck_augment_variant *const variants[] = {&ck_augment_avx512, &ck_augment_avx2, &ck_augment_portable};
    ck_isa isa;
    ck_status status = ck_wanted_isa(&isa);
    for (int i = 0; i < 3; i++)
        if (variants[i]->affine_row && ck_has_isa(variants[i]->isa) && (isa == CK_ISA_ANY || isa == variants[i]->isa)) {
            *variant = variants[i];
            return status;
        }
    return CK_BAD_PARAMETER;
}
