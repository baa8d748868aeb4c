#include "CBundledModel.h"

// The models are compiled into the program, so that a copied program works anywhere. #embed is part of C23; clang
// accepts it as an extension before that.
static const unsigned char unet[] = {
#embed "../../models/nuclei-unet.safetensors"
};
static const unsigned char compact[] = {
#embed "../../models/nuclei-compact.safetensors"
};

const unsigned char *bundled_unet(size_t *count) {
    *count = sizeof unet;
    return unet;
}

const unsigned char *bundled_compact(size_t *count) {
    *count = sizeof compact;
    return compact;
}
