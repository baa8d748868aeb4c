#include "pooling/ck_pooling.h"

static ck_status output_size(int64_t *oh, int64_t *ow, const ck_pool2d *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->n < 1 || d->c < 1 || d->h < 1 || d->w < 1 || d->r < 1 || d->s < 1 || d->stride_h < 1 || d->stride_w < 1)
        return CK_BAD_DIMENSION;
    // Less padding than the window is long: every window has an element of x.
    if (d->pad_h < 0 || d->pad_h >= d->r || d->pad_w < 0 || d->pad_w >= d->s)
        return CK_BAD_DIMENSION;
    int64_t rows = d->h - (d->r - d->pad_h - d->pad_h), columns = d->w - (d->s - d->pad_w - d->pad_w);
    if (rows < 0 || columns < 0)
        return CK_BAD_DIMENSION;
    *oh = rows / d->stride_h + 1;
    *ow = columns / d->stride_w + 1;
    return CK_OK;
}

/// The output size of average pooling, which has no padding.
static ck_status average_output_size(int64_t *oh, int64_t *ow, const ck_pool2d *d) {
    ck_status status = output_size(oh, ow, d);
    return status == CK_OK && (d->pad_h > 0 || d->pad_w > 0) ? CK_BAD_PARAMETER : status;
}

ck_status ck_pool2d_output_size(int64_t *oh, int64_t *ow, const ck_pool2d *d) {
    return oh && ow ? output_size(oh, ow, d) : CK_NULL_POINTER;
}

static bool is_2x2(const ck_pool2d *d) {
    return d->r == 2 && d->s == 2 && d->stride_h == 2 && d->stride_w == 2 && d->pad_h == 0 && d->pad_w == 0;
}

ck_status ck_avg_pool2d_forward(float *y, const float *x, const ck_pool2d *d) {
    int64_t oh, ow;
    ck_status status = average_output_size(&oh, &ow, d);
    if (status != CK_OK)
        return status;
    if (!y || !x)
        return CK_NULL_POINTER;
    float share = 1 / (float)(d->r * d->s);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < d->n * d->c; plane++)
        for (int64_t oy = 0; oy < oh; oy++) {
            const float *restrict in = x + (plane * d->h + oy * d->stride_h) * d->w;
            float *restrict out = y + (plane * oh + oy) * ow;
            if (is_2x2(d)) {
                const float *restrict below = in + d->w;
                for (int64_t ox = 0; ox < ow; ox++)
                    out[ox] = (in[2 * ox] + in[2 * ox + 1] + below[2 * ox] + below[2 * ox + 1]) * 0.25f;
                continue;
            }
            for (int64_t ox = 0; ox < ow; ox++) {
                float sum = 0;
                for (int64_t r = 0; r < d->r; r++)
                    for (int64_t s = 0; s < d->s; s++)
                        sum += in[r * d->w + ox * d->stride_w + s];
                out[ox] = sum * share;
            }
        }
    return CK_OK;
}

ck_status ck_avg_pool2d_backward(float *gx, const float *gy, const ck_pool2d *d) {
    int64_t oh, ow;
    ck_status status = average_output_size(&oh, &ow, d);
    if (status != CK_OK)
        return status;
    if (!gx || !gy)
        return CK_NULL_POINTER;
    float share = 1 / (float)(d->r * d->s);
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < d->n * d->c; plane++) {
        float *restrict in = gx + plane * d->h * d->w;
        const float *restrict out = gy + plane * oh * ow;
        if (is_2x2(d)) {
            for (int64_t y = 0; y < 2 * oh; y++) {
                float *restrict row = in + y * d->w;
                for (int64_t ox = 0; ox < ow; ox++)
                    row[2 * ox] = row[2 * ox + 1] = out[y / 2 * ow + ox] * 0.25f;
                if (d->w % 2)
                    row[d->w - 1] = 0;
            }
            if (d->h % 2)
                memset(in + (d->h - 1) * d->w, 0, sizeof(float) * (size_t)d->w);
            continue;
        }
        memset(in, 0, sizeof(float) * (size_t)(d->h * d->w));
        for (int64_t oy = 0; oy < oh; oy++)
            for (int64_t ox = 0; ox < ow; ox++)
                for (int64_t r = 0; r < d->r; r++)
                    for (int64_t s = 0; s < d->s; s++)
                        in[(oy * d->stride_h + r) * d->w + ox * d->stride_w + s] += out[oy * ow + ox] * share;
    }
    return CK_OK;
}

/// Index in the plane of the first maximum of window (oy, ox).
static int64_t argmax(const float *in, const ck_pool2d *d, int64_t oy, int64_t ox) {
    const int64_t top = oy * d->stride_h - d->pad_h, left = ox * d->stride_w - d->pad_w;
    const int64_t first_row = ck_max(top, 0), last_row = ck_min(top + d->r, d->h);
    const int64_t first_column = ck_max(left, 0), last_column = ck_min(left + d->s, d->w);
    int64_t best = first_row * d->w + first_column;
    for (int64_t row = first_row; row < last_row; row++)
        for (int64_t i = row * d->w + first_column; i < row * d->w + last_column; i++)
            if (ck_exceeds(in[i], in[best]))
                best = i;
    return best;
}

static inline float larger(float a, float b) {
    return ck_exceeds(b, a) ? b : a;
}

/// Maxima of a row of 2 x 2 windows: out[count] from two rows of inputs.
static void max_2x2_row(float *restrict out, const float *restrict in, const float *restrict below, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        out[i] = larger(larger(in[2 * i], in[2 * i + 1]), larger(below[2 * i], below[2 * i + 1]));
}

/// out[count] = the larger of out and every `stride`-th input. Inlined, so that the stride is a constant.
static inline void take_larger(float *restrict out, const float *restrict in, int64_t count, int64_t stride) {
    for (int64_t i = 0; i < count; i++)
        out[i] = larger(out[i], in[i * stride]);
}

/// Maxima of row oy of windows: out[ow] from a plane of inputs.
static void max_row(float *restrict out, const float *restrict in, const ck_pool2d *d, int64_t oy, int64_t ow) {
    for (int64_t ox = 0; ox < ow; ox++)
        out[ox] = -INFINITY;
    const int64_t top = oy * d->stride_h - d->pad_h;
    for (int64_t row = ck_max(top, 0); row < ck_min(top + d->r, d->h); row++)
        for (int64_t s = 0; s < d->s; s++) {
            // Windows whose column s is in the image: 0 <= ox * stride_w + offset < w.
            const int64_t offset = s - d->pad_w;
            const int64_t first = offset < 0 ? ck_ceil_div(-offset, d->stride_w) : 0;
            const int64_t last = ck_min(ow, ck_ceil_div(d->w - offset, d->stride_w));
            const float *from = in + row * d->w + first * d->stride_w + offset;
            if (d->stride_w == 2)
                take_larger(out + first, from, last - first, 2);
            else
                take_larger(out + first, from, last - first, d->stride_w);
        }
}

/// Backward pass of max_2x2_row: writes both rows of gradients, g at the first maximum of each window and 0 elsewhere.
static void max_2x2_row_backward(float *restrict row, float *restrict next, const float *restrict g,
                                 const float *restrict in, const float *restrict below, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        float a = in[2 * i], b = in[2 * i + 1], c = below[2 * i], d = below[2 * i + 1];
        bool right = ck_exceeds(b, a), right_below = ck_exceeds(d, c);
        bool lower = ck_exceeds(larger(c, d), larger(a, b));
        float here = g[i];
        row[2 * i] = (!lower & !right) ? here : 0;
        row[2 * i + 1] = (!lower & right) ? here : 0;
        next[2 * i] = (lower & !right_below) ? here : 0;
        next[2 * i + 1] = (lower & right_below) ? here : 0;
    }
}

ck_status ck_max_pool2d_forward(float *y, const float *x, const ck_pool2d *d) {
    int64_t oh, ow;
    ck_status status = output_size(&oh, &ow, d);
    if (status != CK_OK)
        return status;
    if (!y || !x)
        return CK_NULL_POINTER;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < d->n * d->c; plane++)
        for (int64_t oy = 0; oy < oh; oy++) {
            const float *in = x + plane * d->h * d->w;
            if (is_2x2(d)) {
                max_2x2_row(y + (plane * oh + oy) * ow, in + 2 * oy * d->w, in + (2 * oy + 1) * d->w, ow);
                continue;
            }
            max_row(y + (plane * oh + oy) * ow, in, d, oy, ow);
        }
    return CK_OK;
}

ck_status ck_max_pool2d_backward(float *gx, const float *gy, const float *x, const ck_pool2d *d) {
    int64_t oh, ow;
    ck_status status = output_size(&oh, &ow, d);
    if (status != CK_OK)
        return status;
    if (!gx || !gy || !x)
        return CK_NULL_POINTER;
#pragma omp parallel for schedule(static)
    for (int64_t plane = 0; plane < d->n * d->c; plane++) {
        const float *in = x + plane * d->h * d->w;
        float *gradient = gx + plane * d->h * d->w;
        if (is_2x2(d)) {
            for (int64_t oy = 0; oy < oh; oy++) {
                int64_t row = 2 * oy * d->w, next = row + d->w;
                max_2x2_row_backward(gradient + row, gradient + next, gy + (plane * oh + oy) * ow, in + row, in + next,
                                     ow);
                if (d->w % 2)
                    gradient[row + d->w - 1] = gradient[next + d->w - 1] = 0;
            }
            if (d->h % 2)
                memset(gradient + (d->h - 1) * d->w, 0, sizeof(float) * (size_t)d->w);
            continue;
        }
        memset(gradient, 0, sizeof(float) * (size_t)(d->h * d->w));
        for (int64_t oy = 0; oy < oh; oy++)
            for (int64_t ox = 0; ox < ow; ox++)
                gradient[argmax(in, d, oy, ox)] += gy[(plane * oh + oy) * ow + ox];
    }
    return CK_OK;
}
