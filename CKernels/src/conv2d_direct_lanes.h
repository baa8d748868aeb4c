/// What the direct convolutions of one instruction set share, whatever their block of registers: included once, before
/// conv2d_direct_tile.h, with LANES, the floats of a vector, defined and the instruction set as the target of the
/// functions that follow.
#include "ck_conv2d.h"

typedef float vec __attribute__((ext_vector_type(LANES), aligned(4), may_alias));

static inline vec load(const float *p) {
    return *(const vec *)p;
}

static inline void store(float *p, vec v) {
    *(vec *)p = v;
}

/// Sums of neighbouring elements of a and then of b.
static inline vec add_neighbours(vec a, vec b) {
#if LANES == 16
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif LANES == 8
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
           __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
    return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

/// Copies what output rows first ... first + rows - 1 read of x[C][H][W], zeros outside of it. The floats after a
/// plane's rows that a whole vector may read are zero too.
static void copy_band(float *restrict band, const float *restrict x, const ck_direct_plan *g, int64_t first,
                      int64_t rows) {
    int64_t count = (rows - 1) * g->row_step + g->r;
    for (int64_t c = 0; c < g->c; c++, x += g->h * g->w) {
        float *out = band + c * g->plane;
        for (int64_t i = 0; i < count; i++) {
            int64_t y = g->top + first * g->stride_h + i / g->row_step * g->stride_h + i % g->row_step;
            if (y < 0 || y >= g->h) {
                for (int64_t j = 0; j < g->row; j++)
                    out[j] = 0;
                out += g->row;
                continue;
            }
            for (int64_t q = 0; q < g->column_step; q++, out += g->pitch) {
                // Element j is column left + q + j * stride_w.
                int64_t shift = g->left + q, step = g->stride_w;
                const float *in = x + y * g->w + shift;
                int64_t begin = shift < 0 ? ck_min(g->pitch, ck_ceil_div(-shift, step)) : 0;
                int64_t end = g->w > shift ? ck_min(g->pitch, ck_ceil_div(g->w - shift, step)) : 0;
                end = ck_max(begin, end);
                for (int64_t j = 0; j < begin; j++)
                    out[j] = 0;
                if (step == 1)
                    for (int64_t j = begin; j < end; j++)
                        out[j] = in[j];
                else if (step == 2)
                    for (int64_t j = begin; j < end; j++)
                        out[j] = in[2 * j];
                else
                    for (int64_t j = begin; j < end; j++)
                        out[j] = in[j * step];
                for (int64_t j = end; j < g->pitch; j++)
                    out[j] = 0;
            }
        }
        for (int64_t j = 0; j < LANES; j++)
            out[j] = 0;
    }
}

/// Rows that will be copied next, fetched into the second-level cache a few lines at a time.
typedef struct ahead {
    const char *at;
    int64_t plane_bytes, line, lines, planes;
    /// Lines fetched at a time.
    int64_t each;
} ahead;

/// Rows first ... first + rows - 1 of planes[planes][h][w], in `times` steps; when there are none, the first rows of
/// the next image, which lies behind this one.
static inline ahead next_rows(const float *x, int64_t planes, int64_t h, int64_t w, int64_t first, int64_t rows,
                              int64_t times) {
    bool is_next_image = first >= h;
    first = is_next_image ? 0 : ck_max(0, first);
    rows = ck_min(rows, h - first);
    ahead a = {
        .at = (const char *)(x + (is_next_image ? planes * h : first) * w),
        .plane_bytes = h * w * (int64_t)sizeof *x,
        .lines = ck_ceil_div(rows * w * (int64_t)sizeof *x, 64),
        .planes = planes,
    };
    a.each = ck_ceil_div(a.lines * planes, times);
    return a;
}

static inline void prefetch(ahead *a) {
    for (int64_t i = 0; i < a->each && a->planes > 0; i++) {
        __builtin_prefetch(a->at + a->line * 64, 0, 2);
        if (++a->line == a->lines) {
            a->line = 0;
            a->planes--;
            a->at += a->plane_bytes;
        }
    }
}
