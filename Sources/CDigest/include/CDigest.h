/// SHA-256 by the instructions that processors have for it.
#ifndef CDIGEST_H
#define CDIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Takes `blocks` blocks of 64 bytes into the state; `constants` are the 64 of FIPS 180-4, section 4.2.2. Returns
/// false, with the state as it was, where the processor has no such instructions.
bool cd_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t blocks, const uint32_t constants[64]);

#endif
