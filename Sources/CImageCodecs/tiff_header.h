/// The tags of a TIFF image that do not depend on its compression.
#ifndef CIC_TIFF_HEADER_H
#define CIC_TIFF_HEADER_H

#include "CImageCodecs.h"
#include "tiff_stream.h"

/// Reads the tags of the current directory.
void cic_tiff_get_header(TIFF *tiff, cic_tiff_header *header);

#endif
