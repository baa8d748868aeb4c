/// Which instructions kernels with several forms use; not part of the contract.
#ifndef INSTRUCTION_SET_H
#define INSTRUCTION_SET_H

#include "runtime/ck_internal.h"

/// Whether the processor has it.
bool ck_has_isa(ck_isa isa);
/// What ck_set_isa or else the environment asks for, CK_ISA_ANY for the best there is. CK_BAD_PARAMETER when the
/// environment asks for what is not there; `isa` is then CK_ISA_ANY. Any thread may ask.
ck_status ck_wanted_isa(ck_isa *isa);
/// The place of an environment variable's value in a list that ends with null, 0 where it is unset or empty, -1 where
/// it is something else.
int ck_named_in_environment(const char *variable, const char *const names[]);

#endif
