/// Rows of the density of a stain: included once for each instruction set, with LANES defined and the instruction set
/// as target attribute. Results are the same with all of them.
#include "image/image_stain.h"
#include "runtime/ck_lanes.h"

#pragma clang fp contract(off)

static void smooth(float *restrict sums, const float *const *rows, const float *weights, int64_t radius,
                   int64_t count) {
    int64_t x = 0;
    for (; x + LANES <= count; x += LANES) {
        vec sum = weights[0] * load(rows[radius] + x);
        for (int64_t d = 1; d <= radius; d++)
            sum += weights[d] * (load(rows[radius - d] + x) + load(rows[radius + d] + x));
        store(sums + x, sum);
    }
    for (; x < count; x++) {
        float sum = weights[0] * rows[radius][x];
        for (int64_t d = 1; d <= radius; d++)
            sum += weights[d] * (rows[radius - d][x] + rows[radius + d][x]);
        sums[x] = sum;
    }
}

static void weigh(float *restrict probabilities, const float *restrict densities, const float *factors, int64_t steps,
                  int64_t count) {
    enum { PART = 256 };
    int32_t step[PART];
    float factor[PART];
    for (int64_t first = 0; first < count; first += PART) {
        const int64_t size = ck_min(PART, count - first);
        for (int64_t i = 0; i < size; i++) {
            float density = densities[first + i];
            density = density > 0 ? density : 0;
            step[i] = (int32_t)((density < CK_DENSITY_LIMIT ? density : CK_DENSITY_LIMIT) * (float)steps);
        }
        // Apart from the arithmetic, because gathers are slow on many processors.
        for (int64_t i = 0; i < size; i++)
            factor[i] = factors[step[i]];
        for (int64_t i = 0; i < size; i++) {
            const float p = probabilities[first + i], odds = p * factor[i];
            probabilities[first + i] = odds / (odds + 1 - p);
        }
    }
}

static const ck_stain_rows VARIANT = {.smooth = smooth, .weigh = weigh};
