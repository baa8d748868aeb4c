/// Reading ahead: rows that a convolution will read next are fetched while it computes.
#ifndef CONV2D_AHEAD_H
#define CONV2D_AHEAD_H

#include "conv2d/ck_conv2d.h"

/// Rows that will be read next, fetched into the second-level cache a few lines at a time.
typedef struct ahead {
    const char *at;
    int64_t row_bytes, plane_bytes, line, lines, row, rows, planes;
    /// Lines fetched at a time.
    int64_t each;
} ahead;

/// Columns left ... left + width - 1 of rows first ... first + rows - 1 of planes plane ... plane + planes - 1, in
/// `times` steps.
static inline ahead next_part_of(const ck_planes *x, int64_t plane, int64_t planes, int64_t first, int64_t rows,
                                 int64_t left, int64_t width, int64_t times) {
    const int64_t share = x->is_pooled ? 2 : 1, h = x->h / share, w = x->w / share, each = sizeof *x->values;
    first = ck_min(first / share, h);
    rows = ck_min(ck_ceil_div(rows, share), h - first);
    left = ck_min(ck_max(left, 0) / share, w);
    width = ck_min(ck_ceil_div(width, share), w - left);
    const bool is_whole = width == w;
    ahead a = {
        .at = (const char *)(x->values + (plane * h + first) * w + left),
        .row_bytes = w * each,
        .plane_bytes = h * w * each,
        // Whole rows follow each other.
        .lines = ck_ceil_div((is_whole ? rows * w : width) * each, 64),
        .rows = is_whole ? 1 : rows,
        .planes = rows > 0 && width > 0 ? planes : 0,
    };
    a.each = ck_ceil_div(a.lines * a.rows * planes, times);
    return a;
}

/// The same of whole rows.
static inline ahead next_rows_of(const ck_planes *x, int64_t plane, int64_t planes, int64_t first, int64_t rows,
                                 int64_t times) {
    return next_part_of(x, plane, planes, first, rows, 0, x->w, times);
}

/// Rows of the first planes; when there are no such rows, the first ones of the next image, which lies behind.
static inline ahead next_rows(const ck_planes *x, int64_t planes, int64_t first, int64_t rows, int64_t times) {
    bool is_next_image = first >= x->h;
    return next_rows_of(x, is_next_image ? planes : 0, planes, is_next_image ? 0 : ck_max(0, first), rows, times);
}

static inline void prefetch(ahead *a) {
    for (int64_t i = 0; i < a->each && a->planes > 0; i++) {
        __builtin_prefetch(a->at + a->row * a->row_bytes + a->line * 64, 0, 2);
        if (++a->line < a->lines)
            continue;
        a->line = 0;
        if (++a->row < a->rows)
            continue;
        a->row = 0;
        a->planes--;
        a->at += a->plane_bytes;
    }
}

#endif
