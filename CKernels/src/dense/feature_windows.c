/// Windows of a shared feature map: gathering parts of them.
#include "dense/feature_windows.h"

/// Most columns of overlapping segments that are copied at once.
enum { SPAN = 64 };

ck_status ck_check_windows(const ck_feature_windows *f) {
    if (!f || !f->map || !f->places)
        return CK_NULL_POINTER;
    if (f->n < 1 || f->c < 1 || f->h < 1 || f->w < 1 || f->map_h < f->h || f->map_w < f->w)
        return CK_BAD_DIMENSION;
    if (f->first_channel < 0 || f->first_channel > f->channels - f->c)
        return CK_BAD_DIMENSION;
    for (int i = 0; i < 2; i++) {
        if (f->border_rows[i] < 0 || f->border_columns[i] < 0)
            return CK_BAD_DIMENSION;
        if ((f->border_rows[i] > 0 && !f->rows[i]) || (f->border_columns[i] > 0 && !f->columns[i]))
            return CK_NULL_POINTER;
        for (int j = 0; j < 2; j++)
            if (f->border_rows[i] > 0 && f->border_columns[j] > 0 && !f->corners[2 * i + j])
                return CK_NULL_POINTER;
    }
    for (int64_t i = 0; i < f->n; i++)
        if (f->places[i].y < 0 || f->places[i].y > f->map_h - f->h || f->places[i].x < 0 ||
            f->places[i].x > f->map_w - f->w)
            return CK_BAD_DIMENSION;
    bool fits = f->border_rows[0] + f->border_rows[1] <= f->h && f->border_columns[0] + f->border_columns[1] <= f->w;
    return fits ? CK_OK : CK_BAD_DIMENSION;
}

/// Copies mostly few floats, inline: compilers replace loops by calls to memcpy.
static inline void copy_few(float *restrict out, const float *restrict in, int64_t count) {
    enum { TWO = 2 * sizeof *out, FOUR = 4 * sizeof *out };
    if (count > 8) {
        memcpy(out, in, sizeof *out * (size_t)count);
    } else if (count >= 4) {
        memcpy(out, in, FOUR);
        memcpy(out + count - 4, in + count - 4, FOUR);
    } else if (count >= 2) {
        memcpy(out, in, TWO);
        memcpy(out + count - 2, in + count - 2, TWO);
    } else if (count == 1) {
        *out = *in;
    }
}

void ck_copy_window_row(float *out, const ck_feature_windows *f, int64_t n, int64_t c, int64_t i, int64_t first,
                        int64_t last, float padding) {
    if (i < 0 || i >= f->h) {
        for (int64_t j = first; j < last; j++)
            out[j - first] = padding;
        return;
    }
    const ck_feature_place *p = f->places + n;
    const int64_t channel = f->first_channel + c;
    const int64_t left = f->border_columns[0], right = f->w - f->border_columns[1], below = f->h - f->border_rows[1];
    const bool is_above = i < f->border_rows[0], is_own = is_above || i >= below;
    // The index of the row in its strip, and the rows of the strip.
    const int64_t own = is_above ? i : i - below, height = f->border_rows[!is_above];
    const float *middle = is_own
                              ? f->rows[!is_above] + ((p->row * f->channels + channel) * height + own) * f->map_w + p->x
                              : f->map + (c * f->map_h + p->y + i) * f->map_w + p->x;
    const int64_t from = ck_max(first, left), to = ck_min(last, right);
    if (from < to)
        copy_few(out + (from - first), middle + from, to - from);
    for (int side = 0; side < 2; side++) {
        const int64_t begin = side ? ck_max(first, right) : ck_max(first, 0);
        const int64_t end = side ? ck_min(last, f->w) : ck_min(last, left), width = f->border_columns[side];
        if (begin >= end)
            continue;
        const float *ends =
            is_own
                ? f->corners[2 * !is_above + side] + ((channel * height + own) * f->corner_strips + p->corner) * width
                : f->columns[side] + ((channel * f->map_h + p->y + i) * f->column_strips + p->column) * width;
        copy_few(out + (begin - first), ends + (begin - (side ? right : 0)), end - begin);
    }
    for (int64_t j = first; j < ck_min(last, 0); j++)
        out[j - first] = padding;
    for (int64_t j = ck_max(first, f->w); j < last; j++)
        out[j - first] = padding;
}

ck_status ck_gather_patches(float *y, const ck_feature_windows *f, const ck_patches *p, bool side_by_side) {
    ck_status status = ck_check_windows(f);
    if (status != CK_OK)
        return status;
    if (!y || !p)
        return CK_NULL_POINTER;
    if (p->rows < 1 || p->segments < 1 || p->length < 1 || p->step < 0)
        return CK_BAD_DIMENSION;
    const int64_t width = p->segments * p->length, rows = f->c * p->rows;
    const int64_t of_window = side_by_side ? width : rows * width, of_row = side_by_side ? f->n * width : width;
    // Overlapping segments are taken from one copy of all columns.
    const int64_t span = (p->segments - 1) * p->step + p->length;
    // Side by side, windows share rows of the map, so a thread processes one row of all windows.
    const int64_t groups = side_by_side ? 1 : f->n, each = f->n / groups;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t group = 0; group < groups; group++)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t n = group * each; n < (group + 1) * each; n++) {
                float *out = y + n * of_window + row * of_row, all[SPAN];
                const int64_t channel = row / p->rows, i = p->first_row + row % p->rows, first = p->first_column;
                const bool is_short = p->segments > 1 && span <= SPAN;
                if (is_short)
                    ck_copy_window_row(all, f, n, channel, i, first, first + span, p->padding);
                for (int64_t segment = 0; segment < p->segments; segment++, out += p->length) {
                    const int64_t from = first + segment * p->step;
                    if (is_short)
                        copy_few(out, all + segment * p->step, p->length);
                    else
                        ck_copy_window_row(out, f, n, channel, i, from, from + p->length, p->padding);
                }
            }
    return CK_OK;
}
