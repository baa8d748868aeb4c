#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer with the arguments of the program; returns its exit status. Source:
/// https://llvm.org/docs/LibFuzzer.html, section "Using libFuzzer as a library".
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *bytes, size_t size));
