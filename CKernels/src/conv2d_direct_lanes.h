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

#if LANES == 16
#define EVEN_ELEMENTS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define FIRST_HALVES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SECOND_HALVES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define EVEN_IN_QUADS 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30
#define ODD_IN_QUADS 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif LANES == 8
#define EVEN_ELEMENTS 0, 2, 4, 6, 8, 10, 12, 14
#define FIRST_HALVES 0, 8, 1, 9, 2, 10, 3, 11
#define SECOND_HALVES 4, 12, 5, 13, 6, 14, 7, 15
#define EVEN_IN_QUADS 0, 2, 8, 10, 4, 6, 12, 14
#define ODD_IN_QUADS 1, 3, 9, 11, 5, 7, 13, 15
#define EVEN_QUADS 0, 1, 2, 3, 8, 9, 10, 11
#define ODD_QUADS 4, 5, 6, 7, 12, 13, 14, 15
#else
#define EVEN_ELEMENTS 0, 2, 4, 6
#define FIRST_HALVES 0, 4, 1, 5
#define SECOND_HALVES 2, 6, 3, 7
#define EVEN_IN_QUADS 0, 2, 4, 6
#define ODD_IN_QUADS 1, 3, 5, 7
#define EVEN_QUADS 0, 1, 2, 3
#define ODD_QUADS 4, 5, 6, 7
#endif

/// Every other element of a and then of b.
static inline vec even_elements(vec a, vec b) {
    return __builtin_shufflevector(a, b, EVEN_ELEMENTS);
}

/// Sums of neighbours, those of a and those of b: of neighbouring elements within each four, or of neighbouring fours.
/// Twice the first and then the second until one of LANES vectors is left puts the sum of vector i into its element i.
static inline vec add_neighbours(vec a, vec b, bool are_quads) {
    if (are_quads)
        return __builtin_shufflevector(a, b, EVEN_QUADS) + __builtin_shufflevector(a, b, ODD_QUADS);
    return __builtin_shufflevector(a, b, EVEN_IN_QUADS) + __builtin_shufflevector(a, b, ODD_IN_QUADS);
}

/// The first `count` elements of v, then zeros.
static inline vec first_elements(vec v, int64_t count) {
    for (int64_t i = 0; i < LANES; i++)
        v[i] = i < count ? v[i] : 0;
    return v;
}

/// out[count] = every step-th element of in[readable]. Rows are short, so what is left after whole vectors is done by
/// one that overlaps the last of them.
static inline void copy_run(float *restrict out, const float *restrict in, int64_t count, int64_t step,
                            int64_t readable) {
    int64_t j = 0;
    if (step == 1 && count >= LANES) {
        for (; j + LANES <= count; j += LANES)
            store(out + j, load(in + j));
        store(out + count - LANES, load(in + count - LANES));
        return;
    }
    int64_t whole = ck_min(count, readable / 2);
    if (step == 2 && whole >= LANES) {
        for (; j + LANES <= whole; j += LANES)
            store(out + j, even_elements(load(in + 2 * j), load(in + 2 * j + LANES)));
        j = whole - LANES;
        store(out + j, even_elements(load(in + 2 * j), load(in + 2 * j + LANES)));
        j = whole;
    }
    for (; j < count; j++)
        out[j] = in[j * step];
}

/// Copies what output rows first ... first + rows - 1 read of x[C][H][W], zeros outside of it. The floats after a
/// plane's rows that a whole vector may read are zero too.
static void copy_band(float *restrict band, const float *restrict x, const ck_direct_plan *g, int64_t first,
                      int64_t rows) {
    const int64_t count = (rows - 1) * g->row_step + g->r, step = g->stride_w;
    for (int64_t c = 0; c < g->c; c++, x += g->h * g->w, band += g->plane) {
        for (int64_t q = 0; q < g->column_step; q++) {
            // Elements begin ... end - 1 are inside: element j is column shift + j * step.
            int64_t shift = g->left + q;
            int64_t begin = shift < 0 ? ck_min(g->pitch, ck_ceil_div(-shift, step)) : 0;
            int64_t end = g->w > shift ? ck_min(g->pitch, ck_ceil_div(g->w - shift, step)) : 0;
            int64_t y = g->top + first * g->stride_h, row_of_step = 0;
            float *out = band + q * g->pitch;
            for (int64_t i = 0; i < count; i++, out += g->row) {
                bool is_inside = y >= 0 && y < g->h && begin < end;
                int64_t from = is_inside ? begin : g->pitch, to = is_inside ? end : g->pitch;
                for (int64_t j = 0; j < from; j++)
                    out[j] = 0;
                if (is_inside)
                    copy_run(out + begin, x + y * g->w + shift + begin * step, end - begin, step,
                             g->w - shift - begin * step);
                for (int64_t j = to; j < g->pitch; j++)
                    out[j] = 0;
                y++;
                if (++row_of_step == g->row_step) {
                    row_of_step = 0;
                    y += g->stride_h - g->row_step;
                }
            }
        }
        for (int64_t j = 0; j < LANES; j++)
            band[count * g->row + j] = 0;
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

/// out[j * 2] = a[j], out[j * 2 + 1] = b[j], count elements in all; a null pointer stands for zeros.
static inline void interleave(float *restrict out, const float *a, const float *b, int64_t count) {
    int64_t j = 0;
    const vec zeros = (vec)(0.0f);
    for (; 2 * (j + LANES) <= count; j += LANES) {
        vec first = a ? load(a + j) : zeros, second = b ? load(b + j) : zeros;
        store(out + 2 * j, __builtin_shufflevector(first, second, FIRST_HALVES));
        store(out + 2 * j + LANES, __builtin_shufflevector(first, second, SECOND_HALVES));
    }
    for (j *= 2; j < count; j++) {
        const float *from = j % 2 ? b : a;
        out[j] = from ? from[j / 2] : 0;
    }
}

/// Puts together the rows of gx that start at row first * stride: parts[stride_h][stride_w][k][rows][ow], those without
/// taps unwritten.
static void join_parts(float *restrict gx, const float *restrict parts, const ck_direct_plan *g, int64_t first) {
    const int64_t size = g->k * g->rows * g->ow, across = g->out_step, down = g->parts / across;
    for (int64_t k = 0; k < g->k; k++)
        for (int64_t i = 0; i < ck_min(g->rows, g->oh - first); i++)
            for (int64_t y = 0; y < down && (first + i) * down + y < g->out_rows; y++) {
                const float *row[CK_DIRECT_PARTS];
                for (int64_t x = 0; x < across; x++) {
                    int64_t part = y * across + x;
                    row[x] = g->part[part].taps > 0 ? parts + part * size + (k * g->rows + i) * g->ow : NULL;
                }
                float *out = gx + k * g->out_plane + ((first + i) * down + y) * g->out_row;
                if (across == 2)
                    interleave(out, row[0], row[1], g->out_row);
                else
                    for (int64_t j = 0; j < g->out_row; j++)
                        out[j] = row[j % across] ? row[j % across][j / across] : 0;
            }
}
