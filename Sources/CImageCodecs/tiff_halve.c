#include "tiff_writer.h"

#include <math.h>
#include <string.h>

void cic_tiff_halve_bytes(uint8_t *restrict output, const uint8_t *upper, const uint8_t *lower, int32_t width,
                          int32_t channels) {
    int32_t x = 0;
    // Loads of two bytes at a time are what the compiler vectorizes best.
    for (; channels == 1 && x + 1 < width; x += 2) {
        uint16_t a, b;
        memcpy(&a, upper + x, 2);
        memcpy(&b, lower + x, 2);
        output[x / 2] = (uint8_t)(((a & 255) + (a >> 8) + (b & 255) + (b >> 8) + 2) >> 2);
    }
    output += x / 2;
    for (; x < width; x += 2) {
        int32_t next = x + 1 < width ? channels : 0;
        for (int32_t c = 0; c < channels; c++) {
            int32_t i = x * channels + c;
            *output++ = (uint8_t)((upper[i] + upper[i + next] + lower[i] + lower[i + next] + 2) / 4);
        }
    }
}

void cic_tiff_halve_labels(uint32_t *restrict output, const uint32_t *upper, int32_t width) {
    for (int32_t x = 0; x < width; x += 2)
        output[x / 2] = upper[x];
}

void cic_tiff_halve_floats(float *output, const float *upper, const float *lower, int32_t width) {
    for (int32_t x = 0; x < width; x += 2) {
        int32_t next = x + 1 < width;
        float values[4] = {upper[x], upper[x + next], lower[x], lower[x + next]};
        float sum = 0;
        int count = 0;
        for (int i = 0; i < 4; i++) {
            if (isnan(values[i]))
                continue;
            sum += values[i];
            count++;
        }
        *output++ = count > 0 ? sum / (float)count : NAN;
    }
}
