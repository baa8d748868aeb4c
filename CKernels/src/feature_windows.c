/// Windows of a shared map of features: put together from the map and from their own borders, in memory or, piece by
/// piece, on their way into a dense layer.
#include "ck_dense.h"

/// Chunks of inputs and groups of partial sums are those of linear.c, so that the sums are the same. Windows that are
/// put together at once: a chunk of them stays in the second-level cache.
enum { GROUPS = 16, BATCH = 128, LANES = 16 };

static ck_status check(const ck_feature_windows *f) {
    if (!f || !f->map || !f->places)
        return CK_NULL_POINTER;
    if (f->n < 1 || f->c < 1 || f->h < 1 || f->w < 1 || f->map_h < f->h || f->map_w < f->w || f->leading < 0 ||
        f->trailing < 0)
        return CK_BAD_DIMENSION;
    if (f->leading + f->trailing == 0)
        return CK_OK;
    if (!f->rows || !f->columns || !f->corners)
        return CK_NULL_POINTER;
    int64_t ring = f->leading + f->trailing, most = ck_max(f->leading, f->trailing);
    return ring > f->h || ring > f->w || f->strip < most ? CK_BAD_DIMENSION : CK_OK;
}

/// out[first ... last - 1] of the w features in row i of channel c of window n; out points at feature 0.
static void copy_row(float *out, const ck_feature_windows *f, int64_t n, int64_t c, int64_t i, int64_t first,
                     int64_t last) {
    const ck_feature_place *p = f->places + n;
    const int64_t lead = f->leading, strip = f->strip, right = f->w - f->trailing, below = f->h - f->trailing;
    // Rows of the borders above and below lie in strips; those of the one below end where the strip ends.
    bool is_above = i < lead, is_below = i >= below;
    int64_t strip_row = is_below ? strip - (f->h - i) : i;
    const float *middle = is_above || is_below
                              ? f->rows + (((2 * p->row + is_below) * f->c + c) * strip + strip_row) * f->map_w + p->x
                              : f->map + (c * f->map_h + p->y + i) * f->map_w + p->x;
    int64_t from = ck_max(first, lead), to = ck_min(last, right);
    if (from < to)
        memcpy(out + from, middle + from, sizeof *out * (size_t)(to - from));
    for (int64_t side = 0; side < 2; side++) {
        from = side ? ck_max(first, right) : first;
        to = side ? last : ck_min(last, lead);
        for (int64_t j = from; j < to; j++) {
            int64_t strip_column = side ? strip - (f->w - j) : j;
            if (is_above || is_below)
                out[j] =
                    f->corners[(((4 * n + 2 * is_below + side) * f->c + c) * strip + strip_row) * strip + strip_column];
            else
                out[j] = f->columns[(((2 * p->column + side) * f->c + c) * strip + strip_column) * f->map_h + p->y + i];
        }
    }
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

ck_status ck_gather_windows(float *y, const ck_feature_windows *f) {
    ck_status status = check(f);
    if (status != CK_OK)
        return status;
    if (!y)
        return CK_NULL_POINTER;
    const int64_t plane = f->h * f->w;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < f->n; n++)
        for (int64_t c = 0; c < f->c; c++)
            copy_features(y + (n * f->c + c) * plane, f, n, c * plane, plane);
    return CK_OK;
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
