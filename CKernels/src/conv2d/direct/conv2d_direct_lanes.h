/// The parts of direct convolution that do not depend on the register block: included once for each instruction set,
/// before conv2d_direct_tile.h, with LANES, the floats of a vector, defined and the instruction set as target
/// attribute.
#include "conv2d/conv2d_epilogue.h"
#include "conv2d/conv2d_prefetch.h"
#include "conv2d/direct/conv2d_direct_plan.h"

/// out[count] = every step-th element of in[readable]. Rows are short, so the rest after whole vectors is one vector
/// that overlaps the last of them.
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

/// Keeps the compiler from replacing loops over a few floats by library calls.
#define INLINE_LOOPS __attribute__((no_builtin("memset", "memcpy")))

/// Copies the input of output rows first ... first + rows - 1, with zeros outside the image. The floats past the rows
/// of a plane that a whole vector may read are zeros too.
static INLINE_LOOPS void copy_band(float *restrict band, const ck_planes *x, const ck_direct_plan *plan, int64_t first,
                                   int64_t rows, float *buffer) {
    const int64_t count = (rows - 1) * plan->band.row_step + plan->geometry.r, step = plan->geometry.stride_w;
    for (int64_t c = 0; c < plan->geometry.c; c++, band += plan->band.plane) {
        for (int64_t q = 0; q < plan->band.column_step; q++) {
            // Element j is column shift + j * step. Elements begin ... end - 1 are inside the image.
            int64_t shift = plan->geometry.left + q;
            int64_t begin = shift < 0 ? ck_min(plan->band.pitch, ck_ceil_div(-shift, step)) : 0;
            int64_t end =
                plan->geometry.w > shift ? ck_min(plan->band.pitch, ck_ceil_div(plan->geometry.w - shift, step)) : 0;
            int64_t y = plan->geometry.top + first * plan->geometry.stride_h, row_of_step = 0;
            float *out = band + q * plan->band.pitch;
            for (int64_t i = 0; i < count; i++, out += plan->band.row) {
                bool is_inside = y >= 0 && y < plan->geometry.h && begin < end;
                int64_t from = is_inside ? begin : plan->band.pitch, to = is_inside ? end : plan->band.pitch;
                for (int64_t j = 0; j < from; j++)
                    out[j] = 0;
                if (is_inside)
                    copy_run(out + begin, row_of(x, c, y, buffer) + shift + begin * step, end - begin, step,
                             plan->geometry.w - shift - begin * step);
                for (int64_t j = to; j < plan->band.pitch; j++)
                    out[j] = 0;
                y++;
                if (++row_of_step == plan->band.row_step) {
                    row_of_step = 0;
                    y += plan->geometry.stride_h - plan->band.row_step;
                }
            }
        }
        for (int64_t j = 0; j < LANES; j++)
            band[count * plan->band.row + j] = 0;
    }
}

/// Interleaves parts[stride_h][stride_w][k][rows][ow] into the rows of gx from row first * stride on. Parts without
/// taps are not read: they are zeros.
static inline void join_parts(float *restrict gx, const float *restrict parts, const ck_direct_plan *plan,
                              int64_t first, int64_t rows) {
    const int64_t size = plan->geometry.k * rows * plan->geometry.ow, across = plan->output.parts,
                  down = plan->parts / across;
    for (int64_t k = 0; k < plan->geometry.k; k++)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t y = 0; y < down && (first + i) * down + y < plan->output.rows; y++) {
                const float *row[CK_DIRECT_PARTS];
                for (int64_t x = 0; x < across; x++) {
                    int64_t part = y * across + x;
                    row[x] =
                        plan->part[part].taps > 0 ? parts + part * size + (k * rows + i) * plan->geometry.ow : NULL;
                }
                float *out = gx + k * plan->output.plane + ((first + i) * down + y) * plan->output.row;
                if (across == 2)
                    interleave(out, row[0], row[1], plan->output.row);
                else
                    for (int64_t j = 0; j < plan->output.row; j++)
                        out[j] = row[j % across] ? row[j % across][j / across] : 0;
            }
}
