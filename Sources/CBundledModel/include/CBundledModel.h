/// The bundled model: models/nuclei-compact.safetensors at the time of compilation.
#ifndef CBUNDLEDMODEL_H
#define CBUNDLEDMODEL_H

#include <stddef.h>

/// Returns the bytes of the file, which are never freed, and stores their number in count.
const unsigned char *bundled_model(size_t *count);

#endif
