/// Convolution: what all its forms share, and the way to the one that serves a shape.
#include "ck_conv2d.h"
#include "ck_winograd.h"

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
        .oh = (d->h + 2 * d->pad_h - d->r) / d->stride_h + 1,
        .ow = (d->w + 2 * d->pad_w - d->s) / d->stride_w + 1,
        .crs = d->c * d->r * d->s,
    };
    // BLAS counts in 32 bits; divided, because the product of three may not fit in 64.
    if (d->r * d->s > INT32_MAX / d->c || g->oh * g->ow > INT32_MAX)
        return CK_BAD_DIMENSION;
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

static size_t scratch_for(const ck_geometry *g) {
    size_t most = 0;
    for (ck_conv2d_pass pass = CK_FORWARD; pass <= CK_BACKWARD_WEIGHT; pass++) {
        const ck_winograd_form *transform = ck_winograd_choose(g, pass);
        const ck_direct_form *form = ck_conv2d_choose(g, pass);
        size_t count = transform ? ck_winograd_scratch(g, pass, transform)
                       : form    ? ck_direct_scratch(g, pass, form)
                                 : ck_im2col_scratch(g);
        most = count > most ? count : most;
    }
    return most;
}

size_t ck_conv2d_scratch(const ck_conv2d *d) {
    ck_geometry g;
    return describe(&g, d) == CK_OK ? scratch_for(&g) : 0;
}

/// What every kernel here asks before it starts.
static ck_status prepare(ck_geometry *g, const ck_conv2d *d, bool has_memory, size_t scratch_count) {
    ck_status status = describe(g, d);
    if (status == CK_OK)
        status = ck_conv2d_choice_status();
    if (status != CK_OK)
        return status;
    if (!has_memory)
        return CK_NULL_POINTER;
    return scratch_count < scratch_for(g) ? CK_SCRATCH_TOO_SMALL : CK_OK;
}

ck_status ck_conv2d_forward(float *y, const float *x, const float *w, const float *b, const ck_conv2d *d,
                            float *scratch, size_t scratch_count) {
    ck_geometry g;
    ck_status status = prepare(&g, d, y && x && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    const ck_winograd_form *transform = ck_winograd_choose(&g, CK_FORWARD);
    const ck_direct_form *form = ck_conv2d_choose(&g, CK_FORWARD);
    if (transform)
        ck_winograd_forward(y, x, w, b, &g, transform, scratch);
    else if (form)
        ck_direct_forward(y, x, w, b, &g, form, scratch);
    else
        ck_im2col_forward(y, x, w, b, &g, scratch);
    return CK_OK;
}

ck_status ck_conv2d_backward_data(float *gx, const float *gy, const float *w, const ck_conv2d *d, float *scratch,
                                  size_t scratch_count) {
    ck_geometry g;
    ck_status status = prepare(&g, d, gx && gy && w && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    const ck_winograd_form *transform = ck_winograd_choose(&g, CK_BACKWARD_DATA);
    const ck_direct_form *form = ck_conv2d_choose(&g, CK_BACKWARD_DATA);
    if (transform)
        ck_winograd_backward_data(gx, gy, w, &g, transform, scratch);
    else if (form)
        ck_direct_backward_data(gx, gy, w, &g, form, scratch);
    else
        ck_im2col_backward_data(gx, gy, w, &g, scratch);
    return CK_OK;
}

ck_status ck_conv2d_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_conv2d *d,
                                    float *scratch, size_t scratch_count) {
    ck_geometry g;
    ck_status status = prepare(&g, d, gw && gy && x && scratch, scratch_count);
    if (status != CK_OK)
        return status;
    const ck_winograd_form *transform = ck_winograd_choose(&g, CK_BACKWARD_WEIGHT);
    const ck_direct_form *form = ck_conv2d_choose(&g, CK_BACKWARD_WEIGHT);
    if (transform)
        ck_winograd_backward_weight(gw, gb, gy, x, &g, transform, scratch);
    else if (form)
        ck_direct_backward_weight(gw, gb, gy, x, &g, form, scratch);
    else
        ck_im2col_backward_weight(gw, gb, gy, x, &g, scratch);
    return CK_OK;
}
