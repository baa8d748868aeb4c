/// Windows of a shared feature map: gathering parts of them, and a dense layer that reads them in place.
#include "dense/ck_dense.h"
#include "runtime/ck_scratch.h"

/// Channels are summed in at most this many groups, then reduced in a fixed order.
enum { GROUPS = 16 };
/// Most columns of overlapping segments that are copied at once.
enum { SPAN = 64 };
/// Blocking of the dense layer: the weights of ROWS rows (an even number) for a block of outputs stay in the
/// first-level cache for BLOCKS blocks of windows, whose features stay in the second-level cache for PANELS blocks of
/// outputs.
enum { ROWS = 14, BLOCKS = 8, PANELS = 4 };

static ck_status check(const ck_feature_windows *f) {
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

/// out[last - first]: features first ... last - 1 in row i of channel c of window n, `padding` outside the window.
static void copy_row(float *out, const ck_feature_windows *f, int64_t n, int64_t c, int64_t i, int64_t first,
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
    ck_status status = check(f);
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
                    copy_row(all, f, n, channel, i, first, first + span, p->padding);
                for (int64_t segment = 0; segment < p->segments; segment++, out += p->length) {
                    const int64_t from = first + segment * p->step;
                    if (is_short)
                        copy_few(out, all + segment * p->step, p->length);
                    else
                        copy_row(out, f, n, channel, i, from, from + p->length, p->padding);
                }
            }
    return CK_OK;
}

/// How a dense layer reads a channel: the inner rows of windows in place, and the rest from a gathered copy. If the
/// inner part is narrower than a vector, everything is gathered.
typedef struct reading {
    int64_t height, width, pitch, rest, rest_count;
    /// Floats of the weights of a block of outputs for two rows, and for a channel.
    int64_t two_rows, weights;
} reading;

static reading reading_of(const ck_feature_windows *f, const ck_dense_variant *variant) {
    reading r = {.height = f->h - f->border_rows[0] - f->border_rows[1], .pitch = f->map_w};
    r.width = f->w - f->border_columns[0] - f->border_columns[1];
    if (r.width < variant->lanes)
        r.height = r.width = 0;
    r.rest = f->h * f->w - r.height * r.width;
    r.rest_count = ck_round_up(r.rest, variant->lanes);
    const int64_t left = r.width % variant->lanes, whole = r.width / variant->lanes;
    const int64_t ends = left > variant->lanes / 2 ? 2 : left > 0;
    r.two_rows = (2 * whole + ends) * variant->lanes * variant->outputs;
    // The end of a last odd row is a vector of its own.
    r.weights = r.height / 2 * r.two_rows + r.rest_count * variant->outputs;
    r.weights += r.height % 2 * (whole + (left > 0)) * variant->lanes * variant->outputs;
    return r;
}

/// out[rest_count]: the rest of channel c of a window, padded with zeros: border rows, then border columns.
static void gather_rest(float *out, const ck_feature_windows *f, int64_t n, int64_t c, const reading *r) {
    const ck_feature_place *p = f->places + n;
    const float *end = out + r->rest_count;
    const int64_t above = f->border_rows[0];
    for (int64_t i = 0; i < f->h; i++)
        if (i < above || i >= above + r->height) {
            copy_row(out, f, n, c, i, 0, f->w, 0);
            out += f->w;
        }
    for (int side = 0; side < 2; side++) {
        const int64_t width = f->border_columns[side], step = f->column_strips * width;
        if (width == 0)
            continue;
        const float *in =
            f->columns[side] + ((f->first_channel + c) * f->map_h + p->y + above) * step + p->column * width;
        for (int64_t i = 0; i < r->height; i++, in += step)
            for (int64_t j = 0; j < width; j++)
                *out++ = in[j];
    }
    while (out < end)
        *out++ = 0;
}

/// The same for the weights w[h][w] of an output.
static void gather_rest_weights(float *out, const float *w, const ck_feature_windows *f, const reading *r) {
    const float *end = out + r->rest_count;
    const int64_t above = f->border_rows[0];
    for (int64_t i = 0; i < f->h; i++)
        if (i < above || i >= above + r->height) {
            memcpy(out, w + i * f->w, sizeof *out * (size_t)f->w);
            out += f->w;
        }
    for (int side = 0; side < 2; side++) {
        const float *in = w + above * f->w + (side ? f->w - f->border_columns[1] : 0);
        for (int64_t i = 0; i < r->height; i++, in += f->w)
            for (int64_t j = 0; j < f->border_columns[side]; j++)
                *out++ = in[j];
    }
    while (out < end)
        *out++ = 0;
}

/// Packs the weights of `count` outputs for a channel, `stride` floats apart, for dot_windows. `rest` is a buffer for
/// one output.
static void pack_weights(float *panel, const float *w, const ck_feature_windows *f, const reading *r,
                         const ck_dense_variant *variant, int64_t count, int64_t stride, float *rest) {
    const ck_dense_rows rows = {.height = r->height, .width = r->width, .pitch = f->w, .rest_count = r->rest_count};
    for (int64_t o = 0; o < variant->outputs; o++) {
        // Results of padding outputs are not used, so their weights are arbitrary.
        const float *in = w + ck_min(o, count - 1) * stride;
        gather_rest_weights(rest, in, f, r);
        variant->pack_windows(panel + o * variant->lanes, in + f->border_rows[0] * f->w + f->border_columns[0], rest,
                              &rows);
    }
}

/// sums[count][o], rows `stride` apart, += products of a few blocks of windows and one block of outputs in channel c.
static void add_windows(float *sums, const ck_feature_windows *f, int64_t first, int64_t count, int64_t c,
                        const float *rest, const float *panel, float *products, const reading *r,
                        const ck_dense_variant *variant, int64_t outputs, int64_t stride) {
    const int64_t each = variant->windows * variant->outputs * variant->lanes;
    memset(products, 0, sizeof *products * (size_t)(ck_ceil_div(count, variant->windows) * each));
    for (int64_t row = 0; row == 0 || row < r->height; row += ROWS)
        for (int64_t m = 0; m < count; m += variant->windows) {
            ck_dense_rows x = {.height = ck_min(ROWS, r->height - row), .width = r->width, .pitch = r->pitch};
            x.rest_count = row + ROWS >= r->height ? r->rest_count : 0;
            const int64_t some = ck_min(variant->windows, count - m);
            for (int64_t i = 0; i < some; i++) {
                const ck_feature_place *p = f->places + first + m + i;
                const int64_t y = p->y + f->border_rows[0] + row, column = p->x + f->border_columns[0];
                x.rows[i] = f->map + (c * f->map_h + y) * f->map_w + column;
                x.rest[i] = rest + (m + i) * r->rest_count;
            }
            variant->dot_windows(products + m / variant->windows * each, &x, panel + row / 2 * r->two_rows, some);
        }
    for (int64_t m = 0; m < count; m += variant->windows)
        variant->add_lanes(sums + m * stride, products + m / variant->windows * each,
                           ck_min(variant->windows, count - m), outputs, stride);
}

/// Floats of scratch, and in *each those of one thread.
static size_t scratch_floats(const ck_feature_windows *f, const ck_dense_variant *variant, int64_t o, int64_t *each) {
    reading r = reading_of(f, variant);
    int64_t products = BLOCKS * variant->windows * variant->outputs * variant->lanes;
    *each = ck_round_up(products + (f->n + 1) * r.rest_count + PANELS * r.weights, CK_LINE);
    int64_t sums = ck_round_up(ck_min(GROUPS, f->c) * f->n * o, CK_LINE);
    return (size_t)(CK_LINE + sums + omp_get_max_threads() * *each);
}

size_t ck_linear_windows_scratch(const ck_feature_windows *f, int64_t o) {
    const ck_dense_variant *variant = ck_dense_choose();
    int64_t each;
    return check(f) == CK_OK && o >= 1 && variant ? scratch_floats(f, variant, o, &each) : 0;
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
    const ck_dense_variant *variant = ck_dense_choose();
    if (!variant)
        return CK_BAD_PARAMETER;
    int64_t each;
    if (scratch_count < scratch_floats(f, variant, o, &each))
        return CK_SCRATCH_TOO_SMALL;
    const reading r = reading_of(f, variant);
    const int64_t groups = ck_min(GROUPS, f->c), n = f->n, plane = f->h * f->w;
    w += f->first_channel * plane;
    float *all = ck_align(scratch);
    float *own = all + ck_round_up(groups * n * o, CK_LINE);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = all + group * n * o, *panel = own + omp_get_thread_num() * each,
              *rest = panel + PANELS * r.weights;
        float *products = rest + n * r.rest_count,
              *rest_weights = products + BLOCKS * variant->windows * variant->outputs * variant->lanes;
        memset(sums, 0, sizeof *sums * (size_t)(n * o));
        for (int64_t c = group * f->c / groups; c < (group + 1) * f->c / groups; c++) {
            for (int64_t m = 0; m < n; m++)
                gather_rest(rest + m * r.rest_count, f, m, c, &r);
            for (int64_t first = 0; first < o; first += PANELS * variant->outputs) {
                const int64_t last = ck_min(first + PANELS * variant->outputs, o), windows = BLOCKS * variant->windows;
                for (int64_t k = first; k < last; k += variant->outputs)
                    pack_weights(panel + (k - first) / variant->outputs * r.weights, w + (k * f->channels + c) * plane,
                                 f, &r, variant, ck_min(variant->outputs, last - k), f->channels * plane, rest_weights);
                for (int64_t m = 0; m < n; m += windows)
                    for (int64_t k = first; k < last; k += variant->outputs)
                        add_windows(sums + m * o + k, f, m, ck_min(windows, n - m), c, rest + m * r.rest_count,
                                    panel + (k - first) / variant->outputs * r.weights, products, &r, variant,
                                    ck_min(variant->outputs, last - k), o);
            }
        }
    }
    for (int64_t e = 0; e < n * o; e++) {
        float sum = 0;
        for (int64_t group = 0; group < groups; group++)
            sum += all[group * n * o + e];
        y[e] = sum + (f->first_channel > 0 ? y[e] : b ? b[e % o] : 0);
    }
    return CK_OK;
}
