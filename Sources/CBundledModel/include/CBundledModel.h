/// The bundled models: models/nuclei-unet.safetensors and models/nuclei-compact.safetensors at the time of compilation.
#ifndef CBUNDLEDMODEL_H
#define CBUNDLEDMODEL_H

#include <stddef.h>

/// Return the bytes of a file, which are never freed, and store their number in count.
const unsigned char *bundled_unet(size_t *count);
const unsigned char *bundled_compact(size_t *count);

#endif
