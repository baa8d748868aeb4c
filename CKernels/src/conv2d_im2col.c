/// Convolution as matrix products: the general form, for every shape.
///
/// Forward     Y[K][P]   = W[K][CRS] * X[CRS][P]
/// Data        GX[CRS][P] = W^T[CRS][K] * GY[K][P], added up into the image
/// Weights     GW[K][CRS] = sum over images and pixels of GY[K][P] * X^T[P][CRS]
///
/// X[CRS][P] is the unrolled image (im2col): column p holds the R x S x C patch under output pixel p. It is built for
/// a few output rows at a time, small enough to stay in the second-level cache while OpenBLAS reads it.
#include "ck_internal.h"

#include <cblas.h>

/// Floats of one block of unrolled rows: 512 KiB, half of a common second-level cache.
enum { BLOCK_FLOATS = 1 << 17 };
/// Weight gradients of pieces of the batch are summed apart, in this many groups at most, then reduced in order.
enum { WEIGHT_GROUPS = 16 };
/// Data gradients of small batches are cut by channels too, until there is about this much to share out.
enum { DATA_PIECES = 8 };

typedef struct geometry {
    int64_t oh, ow, crs;
    /// Output rows of a block, and blocks of an image.
    int64_t rows, blocks;
    /// Nothing to unroll: a patch is one pixel.
    bool pointwise;
} geometry;

static ck_status describe(geometry *g, const ck_conv2d *d) {
    if (!d)
        return CK_NULL_POINTER;
    const int64_t all[] = {d->n, d->c, d->h, d->w, d->k, d->r, d->s, d->stride_h, d->stride_w, d->pad_h, d->pad_w};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] > INT32_MAX)
            return CK_BAD_DIMENSION;
    if (d->n < 1 || d->c < 1 || d->h < 1 || d->w < 1 || d->k < 1 || d->r < 1 || d->s < 1 || d->stride_h < 1 ||
        d->stride_w < 1 || d->pad_h < 0 || d->pad_w < 0)
        return CK_BAD_DIMENSION;
    if (d->h + 2 * d->pad_h < d->r || d->w + 2 * d->pad_w < d->s)
        return CK_BAD_DIMENSION;
    g->oh = (d->h + 2 * d->pad_h - d->r) / d->stride_h + 1;
    g->ow = (d->w + 2 * d->pad_w - d->s) / d->stride_w + 1;
    // BLAS counts in 32 bits; divided, because the product of three may not fit in 64.
    if (d->r * d->s > INT32_MAX / d->c || g->oh * g->ow > INT32_MAX)
        return CK_BAD_DIMENSION;
    g->crs = d->c * d->r * d->s;
    g->rows = ck_min(g->oh, ck_max(1, BLOCK_FLOATS / (g->crs * g->ow)));
    g->blocks = ck_ceil_div(g->oh, g->rows);
    g->pointwise = d->r == 1 && d->s == 1 && d->stride_h == 1 && d->stride_w == 1 && d->pad_h == 0 && d->pad_w == 0;
    return CK_OK;
}

static size_t column_floats(const geometry *g) {
    return (size_t)(g->crs * g->rows * g->ow);
}

static int64_t weight_groups(const geometry *g, const ck_conv2d *d) {
    return ck_min(WEIGHT_GROUPS, d->n * g->blocks);
}

ck_status ck_conv2d_output_size(int64_t *oh, int64_t *ow, const ck_conv2d *d) {
    geometry g;
    if (!oh || !ow)
        return CK_NULL_POINTER;
    ck_status status = describe(&g, d);
    if (status != CK_OK)
        return status;
    *oh = g.oh;
    *ow = g.ow;
    return CK_OK;
}

size_t ck_conv2d_scratch(const ck_conv2d *d) {
    geometry g;
    if (describe(&g, d) != CK_OK)
        return 0;
    size_t columns = (size_t)omp_get_max_threads() * column_floats(&g);
    size_t sums = (size_t)(weight_groups(&g, d) * d->k * (g.crs + 1));
    return columns + sums;
}

/// What every kernel here asks before it starts.
static ck_status prepare(geometry *g, const ck_conv2d *d, bool has_memory, size_t scratch_count) {
    ck_status status = describe(g, d);
    if (status != CK_OK)
        return status;
    if (!has_memory)
        return CK_NULL_POINTER;
    if (scratch_count < ck_conv2d_scratch(d))
        return CK_SCRATCH_TOO_SMALL;
    ck_use_serial_blas();
    return CK_OK;
}

/// The outputs ox of a row for which tap s reads inside the image: first ... last - 1.
static void inside(int64_t *first, int64_t *last, int64_t s, const ck_conv2d *d, int64_t ow) {
    int64_t shift = d->pad_w - s;
    *first = shift > 0 ? ck_min(ow, ck_ceil_div(shift, d->stride_w)) : 0;
    int64_t end = d->w + shift;
    *last = end > 0 ? ck_min(ow, ck_ceil_div(end, d->stride_w)) : 0;
    *last = ck_max(*first, *last);
}

/// column[CRS][rows * OW] = patches of image x[C][H][W] under output rows oy0 ... oy0 + rows - 1.
static void unroll(float *restrict column, const float *restrict x, const ck_conv2d *d, const geometry *g, int64_t oy0,
                   int64_t rows) {
    for (int64_t c = 0; c < d->c; c++)
        for (int64_t r = 0; r < d->r; r++)
            for (int64_t s = 0; s < d->s; s++) {
                int64_t first, last;
                inside(&first, &last, s, d, g->ow);
                for (int64_t oy = oy0; oy < oy0 + rows; oy++, column += g->ow) {
                    int64_t y = oy * d->stride_h - d->pad_h + r;
                    if (y < 0 || y >= d->h) {
                        memset(column, 0, sizeof(float) * (size_t)g->ow);
                        continue;
                    }
                    const float *row = x + (c * d->h + y) * d->w - d->pad_w + s;
                    for (int64_t ox = 0; ox < first; ox++)
                        column[ox] = 0;
                    if (d->stride_w == 1)
                        memcpy(column + first, row + first, sizeof(float) * (size_t)(last - first));
                    else
                        for (int64_t ox = first; ox < last; ox++)
                            column[ox] = row[ox * d->stride_w];
                    for (int64_t ox = last; ox < g->ow; ox++)
                        column[ox] = 0;
                }
            }
}

/// Adds patches for channels c0 ... c0 + channels - 1 back into the image gx[C][H][W].
static void roll_up(float *restrict gx, const float *restrict column, const ck_conv2d *d, const geometry *g, int64_t c0,
                    int64_t channels, int64_t oy0, int64_t rows) {
    for (int64_t c = c0; c < c0 + channels; c++)
        for (int64_t r = 0; r < d->r; r++)
            for (int64_t s = 0; s < d->s; s++) {
                int64_t first, last;
                inside(&first, &last, s, d, g->ow);
                for (int64_t oy = oy0; oy < oy0 + rows; oy++, column += g->ow) {
                    int64_t y = oy * d->stride_h - d->pad_h + r;
                    if (y < 0 || y >= d->h)
                        continue;
                    float *row = gx + (c * d->h + y) * d->w - d->pad_w + s;
                    if (d->stride_w == 1)
                        for (int64_t ox = first; ox < last; ox++)
                            row[ox] += column[ox];
                    else
                        for (int64_t ox = first; ox < last; ox++)
                            row[ox * d->stride_w] += column[ox];
                }
            }
}

ck_status ck_conv2d_forward(float *y, const float *x, const float *w, const float *b, const ck_conv2d *d,
                            float *scratch, size_t scratch_count) {
    geometry g;
    ck_status status = prepare(&g, d, y && x && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    int64_t pixels = g.oh * g.ow;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t block = 0; block < g.blocks; block++) {
            int64_t oy0 = block * g.rows, rows = ck_min(g.rows, g.oh - oy0), p = rows * g.ow;
            const float *image = x + n * d->c * d->h * d->w;
            float *out = y + n * d->k * pixels + oy0 * g.ow;
            const float *column;
            int64_t column_stride;
            if (g.pointwise) {
                column = image + oy0 * g.ow;
                column_stride = pixels;
            } else {
                float *mine = scratch + (size_t)omp_get_thread_num() * column_floats(&g);
                unroll(mine, image, d, &g, oy0, rows);
                column = mine;
                column_stride = p;
            }
            for (int64_t k = 0; k < d->k && b; k++)
                for (int64_t i = 0; i < p; i++)
                    out[k * pixels + i] = b[k];
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)d->k, (blasint)p, (blasint)g.crs, 1, w,
                        (blasint)g.crs, column, (blasint)column_stride, b ? 1 : 0, out, (blasint)pixels);
        }
    return CK_OK;
}

ck_status ck_conv2d_backward_data(float *gx, const float *gy, const float *w, const ck_conv2d *d, float *scratch,
                                  size_t scratch_count) {
    geometry g;
    ck_status status = prepare(&g, d, gx && gy && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    int64_t pixels = g.oh * g.ow, rs = d->r * d->s;
    // Patches of neighbouring blocks overlap in the image, those of different channels do not.
    int64_t pieces = ck_min(d->c, ck_ceil_div(DATA_PIECES, d->n));
    int64_t channels_each = ck_ceil_div(d->c, pieces);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t c0 = piece * channels_each, channels = ck_min(channels_each, d->c - c0);
            if (channels <= 0)
                continue;
            float *column = scratch + (size_t)omp_get_thread_num() * column_floats(&g);
            float *image = gx + n * d->c * d->h * d->w;
            memset(image + c0 * d->h * d->w, 0, sizeof(float) * (size_t)(channels * d->h * d->w));
            for (int64_t oy0 = 0; oy0 < g.oh; oy0 += g.rows) {
                int64_t rows = ck_min(g.rows, g.oh - oy0), p = rows * g.ow;
                cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)(channels * rs), (blasint)p,
                            (blasint)d->k, 1, w + c0 * rs, (blasint)g.crs, gy + n * d->k * pixels + oy0 * g.ow,
                            (blasint)pixels, 0, column, (blasint)p);
                roll_up(image, column, d, &g, c0, channels, oy0, rows);
            }
        }
    return CK_OK;
}

static float sum_row(const float *row, int64_t count) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += row[i];
    return sum;
}

/// sums[K][CRS] and sums of gy by filter, over the pieces (image, block) first ... last - 1.
static void sum_weight_gradient(float *gw, float *gb, const float *gy, const float *x, const ck_conv2d *d,
                                const geometry *g, int64_t first, int64_t last, float *column) {
    int64_t pixels = g->oh * g->ow;
    memset(gb, 0, sizeof(float) * (size_t)d->k);
    for (int64_t piece = first; piece < last; piece++) {
        int64_t n = piece / g->blocks, oy0 = piece % g->blocks * g->rows;
        int64_t rows = ck_min(g->rows, g->oh - oy0), p = rows * g->ow;
        const float *image = x + n * d->c * d->h * d->w;
        const float *gradient = gy + n * d->k * pixels + oy0 * g->ow;
        const float *patches = column;
        int64_t patch_stride = p;
        if (g->pointwise) {
            patches = image + oy0 * g->ow;
            patch_stride = pixels;
        } else {
            unroll(column, image, d, g, oy0, rows);
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)d->k, (blasint)g->crs, (blasint)p, 1, gradient,
                    (blasint)pixels, patches, (blasint)patch_stride, piece > first ? 1 : 0, gw, (blasint)g->crs);
        for (int64_t k = 0; k < d->k; k++) {
            gb[k] += sum_row(gradient + k * pixels, p);
        }
    }
}

ck_status ck_conv2d_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_conv2d *d,
                                    float *scratch, size_t scratch_count) {
    geometry g;
    ck_status status = prepare(&g, d, gw && gy && x && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    int64_t pieces = d->n * g.blocks, groups = weight_groups(&g, d);
    int64_t weights = d->k * g.crs, each = weights + d->k;
    float *sums = scratch + (size_t)omp_get_max_threads() * column_floats(&g);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *mine = sums + group * each;
        sum_weight_gradient(mine, mine + weights, gy, x, d, &g, group * pieces / groups, (group + 1) * pieces / groups,
                            scratch + (size_t)omp_get_thread_num() * column_floats(&g));
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
    return CK_OK;
}
