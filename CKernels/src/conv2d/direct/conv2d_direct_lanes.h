/// What the direct convolutions of one instruction set share, whatever their block of registers: included once, before
/// conv2d_direct_tile.h, with LANES, the floats of a vector, defined and the instruction set as the target of the
/// functions that follow.
#include "conv2d/conv2d_ahead.h"
#include "conv2d/conv2d_epilogue.h"

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

/// Without the calls that compilers make of loops over a few floats.
#define INLINE_LOOPS __attribute__((no_builtin("memset", "memcpy")))

/// Copies what output rows first ... first + rows - 1 read of x, zeros outside of it. The floats after a plane's rows
/// that a whole vector may read are zero too.
static INLINE_LOOPS void copy_band(float *restrict band, const ck_planes *x, const ck_direct_plan *g, int64_t first,
                                   int64_t rows, float *buffer) {
    const int64_t count = (rows - 1) * g->row_step + g->r, step = g->stride_w;
    for (int64_t c = 0; c < g->c; c++, band += g->plane) {
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
                    copy_run(out + begin, row_of(x, c, y, buffer) + shift + begin * step, end - begin, step,
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

/// Puts together the rows of gx that start at row first * stride: parts[stride_h][stride_w][k][rows][ow], those without
/// taps unwritten.
static void join_parts(float *restrict gx, const float *restrict parts, const ck_direct_plan *g, int64_t first,
                       int64_t rows) {
    const int64_t size = g->k * rows * g->ow, across = g->out_step, down = g->parts / across;
    for (int64_t k = 0; k < g->k; k++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t y = 0; y < down && (first + i) * down + y < g->out_rows; y++) {
                const float *row[CK_DIRECT_PARTS];
                for (int64_t x = 0; x < across; x++) {
                    int64_t part = y * across + x;
                    row[x] = g->part[part].taps > 0 ? parts + part * size + (k * rows + i) * g->ow : NULL;
                }
                float *out = gx + k * g->out_plane + ((first + i) * down + y) * g->out_row;
                if (across == 2)
                    interleave(out, row[0], row[1], g->out_row);
                else
                    for (int64_t j = 0; j < g->out_row; j++)
                        out[j] = row[j % across] ? row[j % across][j / across] : 0;
            }
}
