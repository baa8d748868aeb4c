#include "image/image_augment.h"

/// Quantization steps at quality 50 (ITU-T T.81, annex K). Vertical frequency grows from row to row.
static const uint8_t luma[64] = {
    16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
    69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99,
};
static const uint8_t chroma[64] = {
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
};

/// Scales the tables with the quality as libjpeg does.
void ck_fill_jpeg_tables(ck_jpeg_tables *tables, int32_t quality) {
    int32_t scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int kind = 0; kind < 2; kind++)
        for (int u = 0; u < 8; u++)
            for (int x = 0; x < 8; x++) {
                int64_t step = ((kind == 0 ? luma : chroma)[8 * u + x] * scale + 50) / 100;
                step = ck_min(255, ck_max(1, step));
                tables->steps[kind][8 * x + u] = (float)step;
                tables->inverses[kind][8 * x + u] = 1 / (float)step;
            }
}
