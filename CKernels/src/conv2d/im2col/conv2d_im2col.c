/// Convolution as matrix products, for every shape.
///
///   forward          Y[K][P]    = W[K][CRS] * X[CRS][P]
///   backward data    GX[CRS][P] = W^T[CRS][K] * GY[K][P], accumulated into the image
///   backward weight  GW[K][CRS] = sum over images and pixels of GY[K][P] * X^T[P][CRS]
///
/// X[CRS][P] is the unrolled image (im2col): column p holds the R x S x C patch under output pixel p. It is built for
/// a few output rows at a time, small enough to stay in the second-level cache while OpenBLAS reads it.
#include "conv2d/im2col/conv2d_im2col.h"

#include <cblas.h>

// The epilogue takes little time compared with the matrix products, so vectors that every processor has are enough.
#define LANES 4
#include "conv2d/conv2d_epilogue.h"

/// Floats of one block of unrolled rows: 512 KiB, half of a common second-level cache.
enum { BLOCK_FLOATS = 1 << 17 };
/// Weight gradients are summed in at most this many groups, then reduced in a fixed order.
enum { WEIGHT_GROUPS = 16 };
/// For small batches, data gradients are also split by channels, into about this many pieces of work.
enum { DATA_PIECES = 8 };

typedef struct blocking {
    /// Output rows of a block, and blocks of an image.
    int64_t rows, blocks;
    /// Nothing to unroll: a patch is one pixel.
    bool pointwise;
    /// Floats of a block of patches, of its outputs or gradients if they need a buffer, and of both.
    size_t column, results, per_thread;
} blocking;

static blocking cut(const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    // Pooling needs pairs of rows.
    int64_t rows = ck_min(g->oh, ck_round_up(ck_max(1, BLOCK_FLOATS / (g->crs * g->ow)), 2));
    bool is_pooled = epilogue->pooling != CK_POOLING_NONE;
    size_t column = (size_t)(g->crs * rows * g->ow);
    size_t results = is_pooled || epilogue->relu ? (size_t)(g->k * rows * g->ow + expanded_row(g->ow)) : 0;
    return (blocking){
        .rows = rows,
        .blocks = ck_ceil_div(g->oh, rows),
        .pointwise = ck_is_pointwise(g),
        .column = column,
        .results = results,
        .per_thread = column + results,
    };
}

static int64_t weight_groups(const ck_geometry *g, const blocking *cuts) {
    return ck_min(WEIGHT_GROUPS, g->n * cuts->blocks);
}

size_t ck_im2col_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass) {
    (void)pass;
    const blocking cuts = cut(g, epilogue);
    size_t sums = (size_t)(weight_groups(g, &cuts) * g->k * (g->crs + 1));
    return (size_t)omp_get_max_threads() * cuts.per_thread + sums;
}

/// Outputs of a row for which tap s reads inside the image: first ... last - 1.
static void inside(int64_t *first, int64_t *last, int64_t s, const ck_geometry *g) {
    int64_t shift = g->pad_w - s;
    *first = shift > 0 ? ck_min(g->ow, ck_ceil_div(shift, g->stride_w)) : 0;
    int64_t end = g->w + shift;
    *last = end > 0 ? ck_min(g->ow, ck_ceil_div(end, g->stride_w)) : 0;
    *last = ck_max(*first, *last);
}

/// column[CRS][rows * OW] = patches of image x[C][H][W] under output rows oy0 ... oy0 + rows - 1.
static void unroll(float *restrict column, const float *restrict x, const ck_geometry *g, int64_t oy0, int64_t rows) {
    for (int64_t c = 0; c < g->c; c++)
        for (int64_t r = 0; r < g->r; r++)
            for (int64_t s = 0; s < g->s; s++) {
                int64_t first, last;
                inside(&first, &last, s, g);
                for (int64_t oy = oy0; oy < oy0 + rows; oy++, column += g->ow) {
                    int64_t y = oy * g->stride_h - g->pad_h + r;
                    if (y < 0 || y >= g->h) {
                        memset(column, 0, sizeof(float) * (size_t)g->ow);
                        continue;
                    }
                    const float *row = x + (c * g->h + y) * g->w - g->pad_w + s;
                    for (int64_t ox = 0; ox < first; ox++)
                        column[ox] = 0;
                    if (g->stride_w == 1)
                        memcpy(column + first, row + first, sizeof(float) * (size_t)(last - first));
                    else
                        for (int64_t ox = first; ox < last; ox++)
                            column[ox] = row[ox * g->stride_w];
                    for (int64_t ox = last; ox < g->ow; ox++)
                        column[ox] = 0;
                }
            }
}

/// Accumulates patches of channels c0 ... c0 + channels - 1 into the image gx[C][H][W] (col2im).
static void roll_up(float *restrict gx, const float *restrict column, const ck_geometry *g, int64_t c0,
                    int64_t channels, int64_t oy0, int64_t rows) {
    for (int64_t c = c0; c < c0 + channels; c++)
        for (int64_t r = 0; r < g->r; r++)
            for (int64_t s = 0; s < g->s; s++) {
                int64_t first, last;
                inside(&first, &last, s, g);
                for (int64_t oy = oy0; oy < oy0 + rows; oy++, column += g->ow) {
                    int64_t y = oy * g->stride_h - g->pad_h + r;
                    if (y < 0 || y >= g->h)
                        continue;
                    float *row = gx + (c * g->h + y) * g->w - g->pad_w + s;
                    if (g->stride_w == 1)
                        for (int64_t ox = first; ox < last; ox++)
                            row[ox] += column[ox];
                    else
                        for (int64_t ox = first; ox < last; ox++)
                            row[ox * g->stride_w] += column[ox];
                }
            }
}

/// Rows oy0 ... oy0 + rows - 1 of all filters of a gradient, as a matrix whose rows are *stride floats apart. Points
/// into gy, or to `buffer` if the gradient has to be propagated through an epilogue first.
static const float *gradient_rows(int64_t *stride, const ck_planes *gy, const ck_geometry *g, int64_t oy0, int64_t rows,
                                  float *buffer) {
    if (!gy->is_pooled && !gy->y) {
        *stride = g->oh * g->ow;
        return gy->values + oy0 * g->ow;
    }
    *stride = rows * g->ow;
    for (int64_t k = 0; k < g->k; k++)
        for (int64_t row = 0; row < rows; row++)
            expand_row(buffer + (k * rows + row) * g->ow, gy, k, oy0 + row);
    return buffer;
}

void ck_im2col_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, float *scratch) {
    const blocking cuts = cut(g, epilogue);
    ck_use_serial_blas();
    const int64_t pixels = g->oh * g->ow;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t block = 0; block < cuts.blocks; block++) {
            int64_t oy0 = block * cuts.rows, rows = ck_min(cuts.rows, g->oh - oy0), p = rows * g->ow;
            const float *image = x + n * g->c * g->h * g->w;
            const ck_outputs outputs = ck_output_planes(y, n, g, epilogue);
            const bool is_pooled = epilogue->pooling != CK_POOLING_NONE;
            float *own = scratch + (size_t)omp_get_thread_num() * cuts.per_thread;
            float *out = is_pooled ? own + cuts.column : outputs.values + oy0 * g->ow;
            const int64_t out_stride = is_pooled ? p : pixels;
            const float *column;
            int64_t column_stride;
            if (cuts.pointwise) {
                column = image + oy0 * g->ow;
                column_stride = pixels;
            } else {
                unroll(own, image, g, oy0, rows);
                column = own;
                column_stride = p;
            }
            for (int64_t k = 0; k < g->k && b; k++)
                for (int64_t i = 0; i < p; i++)
                    out[k * out_stride + i] = b[k];
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)g->k, (blasint)p, (blasint)g->crs, 1, w,
                        (blasint)g->crs, column, (blasint)column_stride, b ? 1 : 0, out, (blasint)out_stride);
            if (is_pooled) {
                finish_rows(&outputs, out, g->k, oy0, rows);
                continue;
            }
            for (int64_t k = 0; k < g->k && (epilogue->relu || epilogue->residual); k++) {
                float *row = out + k * pixels;
                const float *residual = outputs.residual ? outputs.residual + oy0 * g->ow + k * pixels : NULL;
                for (int64_t i = 0; i < p; i++) {
                    float v = row[i] + (residual ? residual[i] : 0);
                    row[i] = epilogue->relu && v <= 0 ? 0 : v;
                }
            }
        }
}

void ck_im2col_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, float *scratch) {
    const blocking cuts = cut(g, epilogue);
    ck_use_serial_blas();
    const int64_t rs = g->r * g->s;
    // Patches of adjacent blocks overlap in the image. Those of different channels do not.
    int64_t pieces = ck_min(g->c, ck_ceil_div(DATA_PIECES, g->n));
    int64_t channels_each = ck_ceil_div(g->c, pieces);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t c0 = piece * channels_each, channels = ck_min(channels_each, g->c - c0);
            if (channels <= 0)
                continue;
            float *column = scratch + (size_t)omp_get_thread_num() * cuts.per_thread;
            float *image = gx + n * g->c * g->h * g->w;
            const ck_planes planes = ck_gradient_planes(gy, n, g, epilogue);
            memset(image + c0 * g->h * g->w, 0, sizeof(float) * (size_t)(channels * g->h * g->w));
            for (int64_t oy0 = 0; oy0 < g->oh; oy0 += cuts.rows) {
                int64_t rows = ck_min(cuts.rows, g->oh - oy0), p = rows * g->ow, stride;
                const float *gradient = gradient_rows(&stride, &planes, g, oy0, rows, column + cuts.column);
                cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)(channels * rs), (blasint)p,
                            (blasint)g->k, 1, w + c0 * rs, (blasint)g->crs, gradient, (blasint)stride, 0, column,
                            (blasint)p);
                roll_up(image, column, g, c0, channels, oy0, rows);
            }
        }
}

static float sum_row(const float *row, int64_t count) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += row[i];
    return sum;
}

/// gw[K][CRS] and gb[K], the sum of gy for each filter, over the pieces (image, block) first ... last - 1.
static void sum_weight_gradient(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                                const ck_conv2d_epilogue *epilogue, const blocking *cuts, int64_t first, int64_t last,
                                float *column) {
    memset(gb, 0, sizeof(float) * (size_t)g->k);
    for (int64_t piece = first; piece < last; piece++) {
        int64_t n = piece / cuts->blocks, oy0 = piece % cuts->blocks * cuts->rows;
        int64_t rows = ck_min(cuts->rows, g->oh - oy0), p = rows * g->ow, gradient_stride;
        const float *image = x + n * g->c * g->h * g->w;
        const ck_planes planes = ck_gradient_planes(gy, n, g, epilogue);
        const float *gradient = gradient_rows(&gradient_stride, &planes, g, oy0, rows, column + cuts->column);
        const float *patches = column;
        int64_t patch_stride = p;
        if (cuts->pointwise) {
            patches = image + oy0 * g->ow;
            patch_stride = g->oh * g->ow;
        } else {
            unroll(column, image, g, oy0, rows);
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)g->k, (blasint)g->crs, (blasint)p, 1, gradient,
                    (blasint)gradient_stride, patches, (blasint)patch_stride, piece > first ? 1 : 0, gw,
                    (blasint)g->crs);
        for (int64_t k = 0; k < g->k; k++)
            gb[k] += sum_row(gradient + k * gradient_stride, p);
    }
}

void ck_im2col_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch) {
    const blocking cuts = cut(g, epilogue);
    ck_use_serial_blas();
    int64_t pieces = g->n * cuts.blocks, groups = weight_groups(g, &cuts);
    int64_t weights = g->k * g->crs, each = weights + g->k;
    float *sums = scratch + (size_t)omp_get_max_threads() * cuts.per_thread;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *own = sums + group * each;
        sum_weight_gradient(own, own + weights, gy, x, g, epilogue, &cuts, group * pieces / groups,
                            (group + 1) * pieces / groups, scratch + (size_t)omp_get_thread_num() * cuts.per_thread);
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < each; i++) {
        float sum = sums[i];
        for (int64_t group = 1; group < groups; group++)
            sum += sums[group * each + i];
        if (i < weights)
            gw[i] = sum;
        else if (gb)
            gb[i - weights] = sum;
    }
}
