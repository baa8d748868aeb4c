/// Software prefetch: while a convolution computes, it fetches the rows that it reads next.
#ifndef CONV2D_PREFETCH_H
#define CONV2D_PREFETCH_H

#include "conv2d/conv2d_planes.h"

/// Rows to fetch into the second-level cache, a few cache lines in each step.
typedef struct prefetch_list {
    const char *at;
    int64_t row_bytes, plane_bytes, line, lines, row, rows, planes;
    /// Lines in a step.
    int64_t each;
} prefetch_list;

/// Columns left ... left + width - 1 of rows first ... first + rows - 1 of planes plane ... plane + planes - 1, to be
/// fetched in `times` steps.
static inline prefetch_list prefetch_part(const ck_planes *x, int64_t plane, int64_t planes, int64_t first,
                                          int64_t rows, int64_t left, int64_t width, int64_t times) {
    const int64_t share = x->is_pooled ? 2 : 1, h = x->h / share, w = x->w / share, each = sizeof *x->values;
    first = ck_min(first / share, h);
    rows = ck_min(ck_ceil_div(rows, share), h - first);
    left = ck_min(ck_max(left, 0) / share, w);
    width = ck_min(ck_ceil_div(width, share), w - left);
    const bool is_whole = width == w;
    prefetch_list list = {
        .at = (const char *)(x->values + (plane * h + first) * w + left),
        .row_bytes = w * each,
        .plane_bytes = h * w * each,
        // Whole rows are contiguous.
        .lines = ck_ceil_div((is_whole ? rows * w : width) * each, 64),
        .rows = is_whole ? 1 : rows,
        .planes = rows > 0 && width > 0 ? planes : 0,
    };
    list.each = ck_ceil_div(list.lines * list.rows * planes, times);
    return list;
}

/// Whole rows.
static inline prefetch_list prefetch_rows(const ck_planes *x, int64_t plane, int64_t planes, int64_t first,
                                          int64_t rows, int64_t times) {
    return prefetch_part(x, plane, planes, first, rows, 0, x->w, times);
}

/// Rows of the first planes; past the end of the image, the first rows of the next image in memory.
static inline prefetch_list prefetch_next_rows(const ck_planes *x, int64_t planes, int64_t first, int64_t rows,
                                               int64_t times) {
    bool is_next_image = first >= x->h;
    return prefetch_rows(x, is_next_image ? planes : 0, planes, is_next_image ? 0 : ck_max(0, first), rows, times);
}

/// Fetches the lines of one step.
static inline void prefetch(prefetch_list *list) {
    for (int64_t i = 0; i < list->each && list->planes > 0; i++) {
        __builtin_prefetch(list->at + list->row * list->row_bytes + list->line * 64, 0, 2);
        if (++list->line < list->lines)
            continue;
        list->line = 0;
        if (++list->row < list->rows)
            continue;
        list->row = 0;
        list->planes--;
        list->at += list->plane_bytes;
    }
}

#endif
