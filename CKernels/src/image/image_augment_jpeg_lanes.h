/// JPEG round trip. Included by image_augment_lanes.h. A vector holds a row of one or two blocks, so the column
/// transform needs no shuffles; for the row transform, blocks are transposed.

/// At least one block row of 8 floats.
#define BLOCK_LANES (REGISTER < 8 ? 8 : REGISTER)
typedef float block_row __attribute__((ext_vector_type(BLOCK_LANES), aligned(4), may_alias));
typedef float floats8 __attribute__((ext_vector_type(8)));

#if BLOCK_LANES == 16
#define LOWER_ONES 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define UPPER_ONES 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define LOWER_TWOS 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define UPPER_TWOS 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define LOWER_FOURS 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define UPPER_FOURS 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define FIRST_OF_PLACES 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7
#else
#define LOWER_ONES 0, 8, 1, 9, 4, 12, 5, 13
#define UPPER_ONES 2, 10, 3, 11, 6, 14, 7, 15
#define LOWER_TWOS 0, 1, 8, 9, 4, 5, 12, 13
#define UPPER_TWOS 2, 3, 10, 11, 6, 7, 14, 15
#define LOWER_FOURS 0, 1, 2, 3, 8, 9, 10, 11
#define UPPER_FOURS 4, 5, 6, 7, 12, 13, 14, 15
#define FIRST_OF_PLACES 0, 1, 2, 3, 4, 5, 6, 7
#endif

/// Transposes each 8 x 8 block.
static inline void transpose(block_row v[8]) {
    block_row a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = __builtin_shufflevector(v[i], v[i + 1], LOWER_ONES);
        a[i + 1] = __builtin_shufflevector(v[i], v[i + 1], UPPER_ONES);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = __builtin_shufflevector(a[i + j], a[i + j + 2], LOWER_TWOS);
            b[i + 2 * j + 1] = __builtin_shufflevector(a[i + j], a[i + j + 2], UPPER_TWOS);
        }
    for (int i = 0; i < 4; i++) {
        v[i] = __builtin_shufflevector(b[i], b[i + 4], LOWER_FOURS);
        v[i + 4] = __builtin_shufflevector(b[i], b[i + 4], UPPER_FOURS);
    }
}

// Cn = cos(n pi / 16) / 2.
#define C1 0.49039264f
#define C2 0.46193977f
#define C3 0.41573481f
#define C4 0.35355339f
#define C5 0.27778512f
#define C6 0.19134172f
#define C7 0.09754516f

/// Odd part of the transform, an involution.
static inline void transform_odd(block_row v[4]) {
    block_row a = v[0], b = v[1], c = v[2], d = v[3];
    v[0] = a * C1 + b * C3 + (c * C5 + d * C7);
    v[1] = a * C3 - b * C7 - (c * C1 + d * C5);
    v[2] = a * C5 - b * C1 + (c * C7 + d * C3);
    v[3] = a * C7 - b * C5 + (c * C3 - d * C1);
}

/// Orthonormal DCT-II of each column.
static inline void transform(block_row v[8]) {
    block_row sum[4], odd[4];
    for (int i = 0; i < 4; i++) {
        sum[i] = v[i] + v[7 - i];
        odd[i] = v[i] - v[7 - i];
    }
    transform_odd(odd);
    block_row outer = sum[0] + sum[3], inner = sum[1] + sum[2], a = sum[0] - sum[3], b = sum[1] - sum[2];
    v[0] = (outer + inner) * C4;
    v[2] = a * C2 + b * C6;
    v[4] = (outer - inner) * C4;
    v[6] = a * C6 - b * C2;
    for (int i = 0; i < 4; i++)
        v[2 * i + 1] = odd[i];
}

/// Inverse of `transform`.
static inline void transform_back(block_row v[8]) {
    block_row odd[4] = {v[1], v[3], v[5], v[7]}, outer = (v[0] + v[4]) * C4, inner = (v[0] - v[4]) * C4;
    transform_odd(odd);
    block_row a = v[2] * C2 + v[6] * C6, b = v[2] * C6 - v[6] * C2;
    block_row even[4] = {outer + a, inner + b, inner - b, outer - a};
    for (int i = 0; i < 4; i++) {
        v[i] = even[i] + odd[i];
        v[7 - i] = even[i] - odd[i];
    }
}

/// Transform, quantization and inverse transform of a row of blocks, rows[8][pitch], in place.
static void quantize_blocks(float *rows, int64_t pitch, const float *steps, const float *inverses) {
    for (int64_t x = 0; x < pitch; x += BLOCK_LANES) {
        block_row v[8];
        for (int i = 0; i < 8; i++)
            v[i] = *(const block_row *)(rows + i * pitch + x);
        transform(v);
        transpose(v);
        transform(v);
        for (int i = 0; i < 8; i++) {
            floats8 step, inverse;
            memcpy(&step, steps + 8 * i, sizeof step);
            memcpy(&inverse, inverses + 8 * i, sizeof inverse);
            // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
            block_row level = v[i] * __builtin_shufflevector(inverse, inverse, FIRST_OF_PLACES);
            level = level + 12582912.0f - 12582912.0f;
            v[i] = level * __builtin_shufflevector(step, step, FIRST_OF_PLACES);
        }
        transform_back(v);
        transpose(v);
        transform_back(v);
        for (int i = 0; i < 8; i++)
            *(block_row *)(rows + i * pitch + x) = v[i];
    }
}

static void to_ycc(float *luma, int64_t step, const float *r, int64_t plane, int64_t pitch) {
    const float *g = r + plane, *b = g + plane;
    for (int64_t x = 0; x < pitch; x += LANES) {
        vec red = load(r + x), green = load(g + x), blue = load(b + x);
        store(luma + x, 0.299f * red + 0.587f * green + 0.114f * blue - 128);
        store(luma + step + x, -0.168736f * red - 0.331264f * green + 0.5f * blue);
        store(luma + 2 * step + x, 0.5f * red - 0.418688f * green - 0.081312f * blue);
    }
}

static void to_rgb(float *r, int64_t plane, const float *luma, int64_t step, int64_t pitch) {
    float *g = r + plane, *b = g + plane;
    for (int64_t x = 0; x < pitch; x += LANES) {
        vec light = load(luma + x) + 128, blue = load(luma + step + x), red = load(luma + 2 * step + x);
        store(r + x, clamp(light + 1.402f * red, 0, 255));
        store(g + x, clamp(light - 0.344136f * blue - 0.714136f * red, 0, 255));
        store(b + x, clamp(light + 1.772f * blue, 0, 255));
    }
}

static void compress_rows(const ck_augment_memory *memory, const ck_windows *d, int64_t y,
                          const ck_jpeg_tables *tables) {
    const int64_t pitch = memory->pitch, step = 8 * pitch;
    float *blocks = memory->blocks;
    for (int64_t i = 0; i < 8; i++) {
        // Blocks that extend over the edge repeat the last row and column.
        const float *row = memory->planes + ck_min(y + i, d->h - 1) * pitch;
        to_ycc(blocks + i * pitch, step, row, memory->plane, pitch);
    }
    for (int64_t i = 0; i < 3 * 8; i++)
        for (int64_t x = d->w; x < pitch; x++)
            blocks[i * pitch + x] = blocks[i * pitch + d->w - 1];
    for (int c = 0; c < 3; c++)
        quantize_blocks(blocks + c * step, pitch, tables->steps[c > 0], tables->inverses[c > 0]);
    for (int64_t i = 0; i < ck_min(8, d->h - y); i++)
        to_rgb(memory->planes + (y + i) * pitch, memory->plane, blocks + i * pitch, step, pitch);
}
