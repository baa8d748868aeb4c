#include "CBundledModel.h"

// The model is compiled into the program, so that a copied program works anywhere. #embed is part of C23; clang accepts
// it as an extension before that.
static const unsigned char bytes[] = {
#embed "../../models/nuclei-compact.safetensors"
};

const unsigned char *bundled_model(size_t *count) {
    *count = sizeof bytes;
    return bytes;
}
