#include "image_augment.h"

/// Quantisation at quality 50 (ITU-T T.81, annex K), rows of growing vertical frequency.
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

typedef float floats8 __attribute__((vector_size(32)));

/// What a step of the transform needs, as rows of 8.
typedef struct tables {
    /// cosines[u][x]: the orthonormal discrete cosine transform of type 2; transposed[x][u] likewise.
    floats8 cosines[8], transposed[8];
    /// Quantisation steps of luma and chroma, and one over them.
    floats8 steps[2][8], inverses[2][8];
} tables;

/// The tables as the Independent JPEG Group's library scales them with the quality.
static void fill(tables *t, int32_t quality) {
    int32_t scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    for (int u = 0; u < 8; u++)
        for (int x = 0; x < 8; x++) {
            double value = (u == 0 ? sqrt(0.125) : 0.5) * cos((2 * x + 1) * u * 3.14159265358979323846 / 16);
            t->cosines[u][x] = t->transposed[x][u] = (float)value;
            for (int kind = 0; kind < 2; kind++) {
                int64_t step = ((kind == 0 ? luma : chroma)[8 * u + x] * scale + 50) / 100;
                step = ck_min(255, ck_max(1, step));
                t->steps[kind][u][x] = (float)step;
                t->inverses[kind][u][x] = 1 / (float)step;
            }
        }
}

/// product = left * right, 8 x 8 each.
static inline void multiply(floats8 *restrict product, const floats8 *restrict left, const floats8 *restrict right) {
    for (int i = 0; i < 8; i++) {
        floats8 sum = left[i][0] * right[0];
        for (int k = 1; k < 8; k++)
            sum += left[i][k] * right[k];
        product[i] = sum;
    }
}

/// There and back for the block whose first number is block[0], with rows `stride` apart.
static void quantise_block(float *block, int64_t stride, const tables *t, int kind) {
    floats8 a[8], b[8];
    for (int y = 0; y < 8; y++)
        memcpy(&a[y], block + y * stride, sizeof a[y]);
    multiply(b, t->cosines, a);
    multiply(a, b, t->transposed);
    for (int u = 0; u < 8; u++) {
        // The sum has no bits left for fractions: this rounds to the nearest whole number.
        floats8 level = a[u] * t->inverses[kind][u] + 12582912.0f - 12582912.0f;
        a[u] = level * t->steps[kind][u];
    }
    multiply(b, t->transposed, a);
    multiply(a, b, t->cosines);
    for (int y = 0; y < 8; y++)
        memcpy(block + y * stride, &a[y], sizeof a[y]);
}

static void to_ycc(float *restrict luma_row, float *restrict blue, float *restrict red, const float *restrict r,
                   const float *restrict g, const float *restrict b, int64_t w) {
    for (int64_t x = 0; x < w; x++) {
        luma_row[x] = 0.299f * r[x] + 0.587f * g[x] + 0.114f * b[x] - 128;
        blue[x] = -0.168736f * r[x] - 0.331264f * g[x] + 0.5f * b[x];
        red[x] = 0.5f * r[x] - 0.418688f * g[x] - 0.081312f * b[x];
    }
}

static void to_rgb(float *restrict r, float *restrict g, float *restrict b, const float *restrict luma_row,
                   const float *restrict blue, const float *restrict red, int64_t w) {
    for (int64_t x = 0; x < w; x++) {
        float light = luma_row[x] + 128;
        r[x] = ck_clamp(light + 1.402f * red[x], 0, 255);
        g[x] = ck_clamp(light - 0.344136f * blue[x] - 0.714136f * red[x], 0, 255);
        b[x] = ck_clamp(light + 1.772f * blue[x], 0, 255);
    }
}

void ck_jpeg_planes(const ck_augment_memory *memory, const ck_windows *d, int32_t quality) {
    int64_t h = d->h, w = d->w, stride = (w + 7) / 8 * 8;
    tables t;
    fill(&t, quality);
    float *r = memory->planes, *g = r + h * w, *b = g + h * w;
    for (int64_t top = 0; top < h; top += 8) {
        for (int64_t i = 0; i < 8; i++) {
            // Blocks that stick out repeat the last row and column.
            int64_t y = ck_min(top + i, h - 1) * w;
            float *rows[3];
            for (int c = 0; c < 3; c++)
                rows[c] = memory->blocks + (c * 8 + i) * stride;
            to_ycc(rows[0], rows[1], rows[2], r + y, g + y, b + y, w);
            for (int c = 0; c < 3; c++)
                for (int64_t x = w; x < stride; x++)
                    rows[c][x] = rows[c][w - 1];
        }
        for (int c = 0; c < 3; c++)
            for (int64_t x = 0; x < stride; x += 8)
                quantise_block(memory->blocks + c * 8 * stride + x, stride, &t, c > 0);
        for (int64_t i = 0; i < ck_min(8, h - top); i++) {
            int64_t y = (top + i) * w;
            const float *rows = memory->blocks + i * stride;
            to_rgb(r + y, g + y, b + y, rows, rows + 8 * stride, rows + 16 * stride, w);
        }
    }
}
