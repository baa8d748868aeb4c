/// Instruction set selection (private).
#ifndef INSTRUCTION_SET_H
#define INSTRUCTION_SET_H

#include "runtime/ck_internal.h"

/// Instruction set selected by ck_set_isa, or else by NUCLEI_ISA; CK_ISA_ANY stands for the best one. When NUCLEI_ISA
/// is invalid, `isa` is CK_ISA_ANY and the result CK_BAD_PARAMETER. Thread-safe.
ck_status ck_wanted_isa(ck_isa *isa);
/// True when kernels may use variants for this instruction set: the processor supports it, and it is selected or any
/// is.
bool ck_is_selected_isa(ck_isa isa);
/// Index of an environment variable's value in a null-terminated list: 0 when unset or empty, -1 when not listed.
int ck_named_in_environment(const char *variable, const char *const names[]);

#endif
