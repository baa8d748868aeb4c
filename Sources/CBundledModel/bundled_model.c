#include "CBundledModel.h"

// In the program itself, so that the command works wherever it is copied to. C has #embed since C23; clang takes it in
// earlier ones as an extension.
static const unsigned char bytes[] = {
#embed "../../models/nuclei-compact.safetensors"
};

const unsigned char *bundled_model(size_t *count) {
    *count = sizeof bytes;
    return bytes;
}
