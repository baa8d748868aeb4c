/// The epilogue of a convolution and its gradient, for vectors of LANES floats: included with LANES defined.
#include "conv2d/conv2d_planes.h"
#include "runtime/ck_lanes.h"

/// max(v, 0); NaN stays NaN.
static inline vec relu_of(vec v) {
    return select_elements(v, ~(v <= 0));
}

static inline vec largest(vec a, vec b) {
    ivec takes_a = (a >= b) | (a != a);
    return (vec)(((ivec)a & takes_a) | ((ivec)b & ~takes_a));
}

/// relu_mask[ck_mask_row_bytes(width)] for a row of sums. 15 floats past the end of the row must be readable.
static inline void store_relu_mask(uint8_t *relu_mask, const float *sums, int64_t width) {
    for (int64_t j = 0; j < width; j += 16, relu_mask += 2) {
#if LANES >= 8
        typedef bool bvec __attribute__((ext_vector_type(LANES)));
        for (int64_t i = 0; i < 16; i += LANES) {
            bvec bits = __builtin_convertvector(~(load(sums + j + i) <= 0), bvec);
            memcpy(relu_mask + i / 8, &bits, LANES / 8);
        }
#else
        uint32_t bits = 0;
        for (int32_t i = 0; i < 16; i++)
            bits |= (uint32_t) !(sums[j + i] <= 0) << i;
        relu_mask[0] = (uint8_t)bits;
        relu_mask[1] = (uint8_t)(bits >> 8);
#endif
    }
}

/// All ones in the elements whose mask bit is set, from `column` on, a multiple of LANES.
static inline ivec relu_mask_at(const uint8_t *relu_mask, int64_t column) {
#if LANES == 16
    const ivec bit = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    int32_t bits = relu_mask[column / 8] | relu_mask[column / 8 + 1] << 8;
#elif LANES == 8
    const ivec bit = {1, 2, 4, 8, 16, 32, 64, 128};
    int32_t bits = relu_mask[column / 8];
#else
    const ivec bit = {1, 2, 4, 8};
    int32_t bits = relu_mask[column / 8] >> column % 8;
#endif
    return ((ivec)(bits)&bit) != 0;
}

/// out[width / 2]: pooled values of two rows of sums. 2 LANES - 1 floats past the end of each row must be readable.
static inline void pool_rows(float *restrict out, const float *a, const float *b, int64_t width, bool relu,
                             ck_pooling pooling) {
    for (int64_t j = 0; j < width / 2; j += LANES) {
        vec row[4] = {load(a + 2 * j), load(a + 2 * j + LANES), load(b + 2 * j), load(b + 2 * j + LANES)};
        for (int i = 0; i < 4; i++)
            row[i] = relu ? relu_of(row[i]) : row[i];
        vec above[2] = {even_elements(row[0], row[1]), odd_elements(row[0], row[1])};
        vec below[2] = {even_elements(row[2], row[3]), odd_elements(row[2], row[3])};
        vec v = pooling == CK_POOLING_MEAN ? (above[0] + above[1] + below[0] + below[1]) * 0.25f
                                           : largest(largest(above[0], above[1]), largest(below[0], below[1]));
        store_elements(out + j, v, width / 2 - j);
    }
}

/// Pools rows first ... first + rows - 1 of one image from sums[planes][rows][OW]. 2 LANES - 1 floats past the end of
/// sums must be readable. `first` is even, and so is `rows` unless these are the last rows.
static inline void finish_rows(const ck_outputs *out, const float *sums, int64_t planes, int64_t first, int64_t rows) {
    const int64_t width = out->ow, pooled = out->oh / 2, mask_row = ck_mask_row_bytes(width);
    for (int64_t k = 0; k < planes; k++, sums += rows * width) {
        for (int64_t i = 0; out->relu_mask && i < rows; i++)
            store_relu_mask(out->relu_mask + (k * out->oh + first + i) * mask_row, sums + i * width, width);
        for (int64_t i = 0; i < rows / 2; i++)
            pool_rows(out->values + (k * pooled + first / 2 + i) * (width / 2), sums + 2 * i * width,
                      sums + (2 * i + 1) * width, width, out->relu, out->pooling);
    }
}

/// The value to store for a sum v without pooling. `residual`, if not null, points to the residual of its elements.
static inline vec finish(vec v, const float *residual, bool relu) {
    if (residual)
        v += load(residual);
    return relu ? relu_of(v) : v;
}

/// Floats that expand_row may write for a row; those past the end of the row are zeros.
static inline int64_t expanded_row(int64_t width) {
    return ck_round_up(width, 16) + 32;
}

/// out[width]: a row of the gradient with respect to the sums of a plane, before the epilogue.
static inline void expand_row(float *restrict out, const ck_planes *p, int64_t plane, int64_t row) {
    if (!p->is_pooled) {
        const float *gy = p->values + (plane * p->h + row) * p->w, *y = p->y + (plane * p->h + row) * p->w;
        for (int64_t j = 0; p->w < LANES && j < p->w; j++)
            out[j] = y[j] <= 0 ? 0 : gy[j];
        // The last vector ends at the end of the row.
        for (int64_t j = 0; p->w >= LANES && j < p->w; j += LANES) {
            int64_t at = ck_min(j, p->w - LANES);
            store(out + at, select_elements(load(gy + at), ~(load(y + at) <= 0)));
        }
        return;
    }
    const int64_t width = p->w / 2;
    if (row >= p->h / 2 * 2) {
        memset(out, 0, sizeof *out * (size_t)p->w);
        return;
    }
    const float *gy = p->values + (plane * (p->h / 2) + row / 2) * width;
    const uint8_t *relu_mask = p->relu_mask ? p->relu_mask + (plane * p->h + row) * ck_mask_row_bytes(p->w) : NULL;
    for (int64_t j = 0; j < width; j += LANES) {
        const float *four = gy + j;
        vec v;
        if (p->end - four >= LANES) {
            v = select_elements(load(four), lanes_below(width - j)) * 0.25f;
        } else {
            float part[LANES] = {0};
            memcpy(part, four, sizeof *four * (size_t)(width - j));
            v = load(part) * 0.25f;
        }
        for (int64_t half = 0; half < 2; half++) {
            int64_t column = 2 * j + half * LANES;
            vec pair = half ? second_halves(v, v) : first_halves(v, v);
            if (column < p->w)
                store(out + column, relu_mask ? select_elements(pair, relu_mask_at(relu_mask, column)) : pair);
        }
    }
    if (p->w % 2)
        out[p->w - 1] = 0;
}

/// A row of a plane: a pointer to the tensor itself, or to `buffer` if it has to be expanded.
static inline const float *row_of(const ck_planes *p, int64_t plane, int64_t row, float *buffer) {
    if (!p->is_pooled && !p->y)
        return p->values + (plane * p->h + row) * p->w;
    expand_row(buffer, p, plane, row);
    return buffer;
}
