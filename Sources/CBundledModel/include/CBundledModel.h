/// The model that is part of the program: models/nuclei-compact.safetensors, as it was when this was compiled.
#ifndef CBUNDLEDMODEL_H
#define CBUNDLEDMODEL_H

#include <stddef.h>

/// The bytes of the file, which are never freed; their number goes to count.
const unsigned char *bundled_model(size_t *count);

#endif
