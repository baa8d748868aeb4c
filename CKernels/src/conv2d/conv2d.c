/// Convolution: the functions of the contract. They check their arguments and call the chosen algorithm.
#include "conv2d/conv2d_choice.h"
#include "conv2d/conv2d_planes.h"

static const ck_conv2d_epilogue no_epilogue;

/// Whether a tensor of four dimensions, and a buffer thousands of times as large, can be counted in 64 bits.
static bool is_countable(int64_t a, int64_t b, int64_t c, int64_t d) {
    int64_t product;
    return !__builtin_mul_overflow(a, b, &product) && !__builtin_mul_overflow(product, c, &product) &&
           !__builtin_mul_overflow(product, d, &product) && product <= INT64_MAX >> 16;
}

/// Validates dimensions and derives the others.
static ck_status describe(ck_geometry *g, const ck_conv2d *d) {
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
    const int64_t oh = (d->h + 2 * d->pad_h - d->r) / d->stride_h + 1;
    const int64_t ow = (d->w + 2 * d->pad_w - d->s) / d->stride_w + 1;
    // BLAS dimensions have 32 bits.
    if (d->r * d->s > INT32_MAX / d->c || oh > INT32_MAX / ow)
        return CK_BAD_DIMENSION;
    const int64_t crs = d->c * d->r * d->s;
    if (!is_countable(d->n, d->c, d->h, d->w) || !is_countable(d->n, d->k, oh, ow) || !is_countable(d->k, crs, 1, 1) ||
        !is_countable(crs, oh, ow, 1))
        return CK_BAD_DIMENSION;
    *g = (ck_geometry){
        .n = d->n,
        .c = d->c,
        .h = d->h,
        .w = d->w,
        .k = d->k,
        .r = d->r,
        .s = d->s,
        .stride_h = d->stride_h,
        .stride_w = d->stride_w,
        .pad_h = d->pad_h,
        .pad_w = d->pad_w,
        .oh = oh,
        .ow = ow,
        .crs = crs,
    };
    return CK_OK;
}

ck_status ck_conv2d_output_size(int64_t *oh, int64_t *ow, const ck_conv2d *d) {
    ck_geometry g;
    if (!oh || !ow)
        return CK_NULL_POINTER;
    ck_status status = describe(&g, d);
    if (status != CK_OK)
        return status;
    *oh = g.oh;
    *ow = g.ow;
    return CK_OK;
}

size_t ck_conv2d_relu_mask_bytes(const ck_conv2d *d) {
    ck_geometry g;
    return describe(&g, d) == CK_OK ? (size_t)(g.n * g.k * g.oh * ck_mask_row_bytes(g.ow)) : 0;
}

static size_t scratch_for(const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    size_t most = 0;
    for (ck_conv2d_pass pass = CK_FORWARD; pass <= CK_BACKWARD_WEIGHT; pass++) {
        size_t count = ck_conv2d_choose(g, pass)->scratch(g, epilogue, pass);
        most = count > most ? count : most;
    }
    return most;
}

size_t ck_conv2d_scratch(const ck_conv2d *d, const ck_conv2d_epilogue *epilogue) {
    ck_geometry g;
    return describe(&g, d) == CK_OK ? scratch_for(&g, epilogue ? epilogue : &no_epilogue) : 0;
}

ck_status ck_conv2d_chosen_algorithm(ck_conv2d_algorithm *algorithm, const ck_conv2d *d, ck_conv2d_pass pass) {
    ck_geometry g;
    if (!algorithm)
        return CK_NULL_POINTER;
    if (pass < CK_FORWARD || pass > CK_BACKWARD_WEIGHT)
        return CK_BAD_PARAMETER;
    ck_status status = describe(&g, d);
    if (status == CK_OK)
        status = ck_conv2d_selection_status();
    if (status != CK_OK)
        return status;
    *algorithm = ck_conv2d_choose(&g, pass)->algorithm;
    return CK_OK;
}

static ck_status check_epilogue(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass) {
    bool is_pooled = epilogue->pooling != CK_POOLING_NONE;
    if (epilogue->pooling < CK_POOLING_NONE || epilogue->pooling > CK_POOLING_MAXIMUM)
        return CK_BAD_PARAMETER;
    if (is_pooled && (g->oh < 2 || g->ow < 2))
        return CK_BAD_DIMENSION;
    if (is_pooled && epilogue->residual)
        return CK_BAD_PARAMETER;
    if (pass == CK_FORWARD)
        return CK_OK;
    if (epilogue->pooling == CK_POOLING_MAXIMUM)
        return CK_BAD_PARAMETER;
    return epilogue->relu && !(is_pooled ? (const void *)epilogue->relu_mask : (const void *)epilogue->y)
               ? CK_NULL_POINTER
               : CK_OK;
}

/// Checks the arguments that all kernels have in common.
static ck_status prepare(ck_geometry *g, const ck_conv2d *d, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass,
                         bool has_memory, size_t scratch_count) {
    ck_status status = describe(g, d);
    if (status == CK_OK)
        status = ck_conv2d_selection_status();
    if (status != CK_OK)
        return status;
    if (!has_memory)
        return CK_NULL_POINTER;
    status = check_epilogue(g, epilogue, pass);
    if (status != CK_OK)
        return status;
    return scratch_count < scratch_for(g, epilogue) ? CK_SCRATCH_TOO_SMALL : CK_OK;
}

ck_status ck_conv2d_forward(float *y, const float *x, const float *w, const float *b, const ck_conv2d *d,
                            const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count) {
    ck_geometry g;
    epilogue = epilogue ? epilogue : &no_epilogue;
    ck_status status = prepare(&g, d, epilogue, CK_FORWARD, y && x && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    ck_conv2d_choose(&g, CK_FORWARD)->forward(y, x, w, b, &g, epilogue, scratch);
    return CK_OK;
}

ck_status ck_conv2d_backward_data(float *gx, const float *gy, const float *w, const ck_conv2d *d,
                                  const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count) {
    ck_geometry g;
    epilogue = epilogue ? epilogue : &no_epilogue;
    ck_status status = prepare(&g, d, epilogue, CK_BACKWARD_DATA, gx && gy && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    ck_conv2d_choose(&g, CK_BACKWARD_DATA)->backward_data(gx, gy, w, &g, epilogue, scratch);
    return CK_OK;
}

ck_status ck_conv2d_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_conv2d *d,
                                    const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count) {
    ck_geometry g;
    epilogue = epilogue ? epilogue : &no_epilogue;
    ck_status status = prepare(&g, d, epilogue, CK_BACKWARD_WEIGHT, gw && gy && x && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    ck_conv2d_choose(&g, CK_BACKWARD_WEIGHT)->backward_weight(gw, gb, gy, x, &g, epilogue, scratch);
    return CK_OK;
}
