/// Windows of a shared map of features: put together from the map and from their own borders, in memory or, piece by
/// piece, on their way into a dense layer.
#include "ck_dense.h"

/// Chunks of inputs and groups of partial sums are those of linear.c, so that the sums are the same. Windows that are
/// put together at once: a chunk of them stays in the second-level cache.
enum { GROUPS = 16, BATCH = 128, LANES = 16 };

static ck_status check(const ck_feature_windows *f) {
    if (!f || !f->map || !f->places)
        return CK_NULL_POINTER;
    if (f->n < 1 || f->c < 1 || f->h < 1 || f->w < 1 || f->map_h < f->h || f->map_w < f->w)
        return CK_BAD_DIMENSION;
    for (int i = 0; i < 2; i++) {
        if (f->own_rows[i] < 0 || f->own_columns[i] < 0)
            return CK_BAD_DIMENSION;
        if ((f->own_rows[i] > 0 && !f->rows[i]) || (f->own_columns[i] > 0 && !f->columns[i]))
            return CK_NULL_POINTER;
        for (int j = 0; j < 2; j++)
            if (f->own_rows[i] > 0 && f->own_columns[j] > 0 && !f->corners[2 * i + j])
                return CK_NULL_POINTER;
    }
    bool fits = f->own_rows[0] + f->own_rows[1] <= f->h && f->own_columns[0] + f->own_columns[1] <= f->w;
    return fits ? CK_OK : CK_BAD_DIMENSION;
}

static inline void copy_few(float *restrict out, const float *in, int64_t count) {
    if (count > 16)
        memcpy(out, in, sizeof *out * (size_t)count);
    else
        for (int64_t j = 0; j < count; j++)
            out[j] = in[j];
}

/// out[first ... last - 1] of the features in row i of channel c of window n, zeros outside of it; out points at
/// feature 0.
static void copy_row(float *out, const ck_feature_windows *f, int64_t n, int64_t c, int64_t i, int64_t first,
                     int64_t last) {
    if (i < 0 || i >= f->h) {
        for (int64_t j = first; j < last; j++)
            out[j] = 0;
        return;
    }
    const ck_feature_place *p = f->places + n;
    const int64_t left = f->own_columns[0], right = f->w - f->own_columns[1], below = f->h - f->own_rows[1];
    const bool is_above = i < f->own_rows[0], is_own = is_above || i >= below;
    // The row among those of its strip.
    const int64_t own = is_above ? i : i - below, height = f->own_rows[!is_above];
    const float *middle = is_own ? f->rows[!is_above] + ((p->row * f->c + c) * height + own) * f->map_w + p->x
                                 : f->map + (c * f->map_h + p->y + i) * f->map_w + p->x;
    const int64_t from = ck_max(first, left), to = ck_min(last, right);
    if (from < to)
        copy_few(out + from, middle + from, to - from);
    for (int side = 0; side < 2; side++) {
        const int64_t begin = side ? ck_max(first, right) : ck_max(first, 0);
        const int64_t end = side ? ck_min(last, f->w) : ck_min(last, left), width = f->own_columns[side];
        if (begin >= end)
            continue;
        const float *ends =
            is_own ? f->corners[2 * !is_above + side] + ((c * height + own) * f->corner_strips + p->corner) * width
                   : f->columns[side] + ((c * f->map_h + p->y + i) * f->column_strips + p->column) * width;
        copy_few(out + begin, ends + begin - (side ? right : 0), end - begin);
    }
    for (int64_t j = first; j < ck_min(last, 0); j++)
        out[j] = 0;
    for (int64_t j = ck_max(first, f->w); j < last; j++)
        out[j] = 0;
}

ck_status ck_gather_patches(float *y, const ck_feature_windows *f, const ck_patches *p, bool side_by_side) {
    ck_status status = check(f);
    if (status != CK_OK)
        return status;
    if (!y || !p)
        return CK_NULL_POINTER;
    if (p->rows < 1 || p->runs < 1 || p->length < 1 || p->step < 0)
        return CK_BAD_DIMENSION;
    const int64_t width = p->runs * p->length, rows = f->c * p->rows;
    const int64_t of_window = side_by_side ? width : rows * width, of_row = side_by_side ? f->n * width : width;
    // Windows that lie side by side share rows of the map; others are long, and few.
    const int64_t groups = side_by_side ? 1 : f->n, each = f->n / groups;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t group = 0; group < groups; group++)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t n = group * each; n < (group + 1) * each; n++)
                for (int64_t run = 0; run < p->runs; run++) {
                    int64_t first = p->first_column + run * p->step;
                    float *out = y + n * of_window + row * of_row + run * p->length;
                    copy_row(out - first, f, n, row / p->rows, p->first_row + row % p->rows, first, first + p->length);
                }
    return CK_OK;
}

/// out[0 ... count - 1]: features first ... first + count - 1 of a window, in the order channel, row, column.
static void copy_features(float *out, const ck_feature_windows *f, int64_t n, int64_t first, int64_t count) {
    int64_t done = 0;
    while (done < count) {
        int64_t row = (first + done) / f->w, column = (first + done) % f->w;
        int64_t length = ck_min(f->w - column, count - done);
        copy_row(out + done - column, f, n, row / f->h, row % f->h, column, column + length);
        done += length;
    }
}

static int64_t chunks(const ck_feature_windows *f) {
    return ck_ceil_div(f->c * f->h * f->w, CK_DENSE_CHUNK);
}

size_t ck_linear_windows_scratch(const ck_feature_windows *f, int64_t o) {
    if (check(f) != CK_OK || o < 1)
        return 0;
    return (size_t)(ck_min(GROUPS, chunks(f)) * (f->n * o * LANES + ck_min(f->n, BATCH) * CK_DENSE_CHUNK));
}

ck_status ck_linear_windows_forward(float *y, const ck_feature_windows *f, const float *w, const float *b, int64_t o,
                                    float *scratch, size_t scratch_count) {
    ck_status status = check(f);
    if (status != CK_OK)
        return status;
    if (!y || !w || !scratch)
        return CK_NULL_POINTER;
    if (o < 1)
        return CK_BAD_DIMENSION;
    if (scratch_count < ck_linear_windows_scratch(f, o))
        return CK_SCRATCH_TOO_SMALL;
    const ck_dense_form *form = ck_dense_choose();
    if (!form)
        return CK_BAD_PARAMETER;
    const int64_t inputs = f->c * f->h * f->w, groups = ck_min(GROUPS, chunks(f)), n = f->n;
    const int64_t lanes = form->lanes, each = n * o * lanes, panel = ck_min(n, BATCH) * CK_DENSE_CHUNK;
    float *panels = scratch + groups * n * o * LANES;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *piece = panels + group * panel, *sums = scratch + group * each;
        memset(sums, 0, sizeof *sums * (size_t)each);
        for (int64_t chunk = group * chunks(f) / groups; chunk < (group + 1) * chunks(f) / groups; chunk++) {
            int64_t first = chunk * CK_DENSE_CHUNK, count = ck_min(CK_DENSE_CHUNK, inputs - first);
            for (int64_t window = 0; window < n; window += BATCH) {
                int64_t batch = ck_min(BATCH, n - window);
                for (int64_t m = 0; m < batch; m++)
                    copy_features(piece + m * CK_DENSE_CHUNK, f, window + m, first, count);
                form->dot(sums + window * o * lanes, piece, w + first, batch, o, count, CK_DENSE_CHUNK, inputs);
            }
        }
    }
    for (int64_t e = 0; e < n * o; e++) {
        float sum = 0;
        for (int64_t group = 0; group < groups; group++)
            for (int64_t lane = 0; lane < lanes; lane++)
                sum += scratch[group * each + e * lanes + lane];
        y[e] = sum + (b ? b[e % o] : 0);
    }
    return CK_OK;
}
