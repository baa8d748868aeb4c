#include "runtime/instruction_set.h"

#include <stdlib.h>

enum { UNSET = -1, INVALID = -2 };

/// A ck_isa or one of the above. Threads that read the environment concurrently store the same value.
static _Atomic int wanted = UNSET;

bool ck_has_isa(ck_isa isa) {
#if defined(__x86_64__)
    if (isa == CK_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    if (isa == CK_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return isa == CK_ISA_ANY || isa == CK_ISA_PORTABLE;
}

ck_status ck_set_isa(ck_isa isa) {
    if (isa < CK_ISA_ANY || isa > CK_ISA_AVX512 || !ck_has_isa(isa))
        return CK_BAD_PARAMETER;
    wanted = (int)isa;
    return CK_OK;
}

int ck_named_in_environment(const char *variable, const char *const names[]) {
    const char *value = getenv(variable);
    if (!value || !*value)
        return 0;
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    return -1;
}

ck_status ck_wanted_isa(ck_isa *isa) {
    static const char *const names[] = {"any", "portable", "avx2", "avx512", 0};
    int now = wanted;
    if (now == UNSET) {
        int named = ck_named_in_environment("NUCLEI_ISA", names);
        now = named < 0 || !ck_has_isa((ck_isa)named) ? INVALID : named;
        wanted = now;
    }
    *isa = now < 0 ? CK_ISA_ANY : (ck_isa)now;
    return now < 0 ? CK_BAD_PARAMETER : CK_OK;
}

bool ck_is_selected_isa(ck_isa isa) {
    ck_isa selected;
    ck_wanted_isa(&selected);
    return ck_has_isa(isa) && (selected == CK_ISA_ANY || selected == isa);
}

ck_isa ck_used_isa(void) {
    ck_isa isa;
    ck_wanted_isa(&isa);
    for (ck_isa best = CK_ISA_AVX512; isa == CK_ISA_ANY; best--)
        if (ck_has_isa(best))
            isa = best;
    return isa;
}
