/// A dense layer that reads windows of a shared feature map in place.
#include "dense/feature_windows.h"
#include "runtime/ck_scratch.h"

/// Blocking of the dense layer: the weights of ROWS rows (an even number) for a block of outputs stay in the
/// first-level cache for BLOCKS blocks of windows, whose features stay in the second-level cache for PANELS blocks of
/// outputs.
enum { ROWS = 14, BLOCKS = 8, PANELS = 4 };

/// How a dense layer reads a channel: the inner rows of windows in place, and the rest from a gathered copy. If the
/// inner part is narrower than a vector, everything is gathered.
typedef struct reading {
    int64_t height, width, pitch, rest, rest_count;
    /// Floats of the weights of a block of outputs for two rows, and for a channel.
    int64_t two_rows, weights;
} reading;

static reading reading_of(const ck_feature_windows *f, const ck_dense_dots *dots) {
    reading r = {.height = f->h - f->border_rows[0] - f->border_rows[1], .pitch = f->map_w};
    r.width = f->w - f->border_columns[0] - f->border_columns[1];
    if (r.width < dots->lanes)
        r.height = r.width = 0;
    r.rest = f->h * f->w - r.height * r.width;
    r.rest_count = ck_round_up(r.rest, dots->lanes);
    const int64_t left = r.width % dots->lanes, whole = r.width / dots->lanes;
    const int64_t ends = left > dots->lanes / 2 ? 2 : left > 0;
    r.two_rows = (2 * whole + ends) * dots->lanes * dots->outputs;
    // The end of a last odd row is a vector of its own.
    r.weights = r.height / 2 * r.two_rows + r.rest_count * dots->outputs;
    r.weights += r.height % 2 * (whole + (left > 0)) * dots->lanes * dots->outputs;
    return r;
}

/// out[rest_count]: the rest of channel c of a window, padded with zeros: border rows, then border columns.
static void gather_rest(float *out, const ck_feature_windows *f, int64_t n, int64_t c, const reading *r) {
    const ck_feature_place *p = f->places + n;
    const float *end = out + r->rest_count;
    const int64_t above = f->border_rows[0];
    for (int64_t i = 0; i < f->h; i++)
        if (i < above || i >= above + r->height) {
            ck_copy_window_row(out, f, n, c, i, 0, f->w, 0);
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
                         const ck_dense_dots *dots, int64_t count, int64_t stride, float *rest) {
    const ck_dense_rows rows = {.height = r->height, .width = r->width, .pitch = f->w, .rest_count = r->rest_count};
    for (int64_t o = 0; o < dots->outputs; o++) {
        // Results of padding outputs are not used, so their weights are arbitrary.
        const float *in = w + ck_min(o, count - 1) * stride;
        gather_rest_weights(rest, in, f, r);
        dots->pack_windows(panel + o * dots->lanes, in + f->border_rows[0] * f->w + f->border_columns[0], rest, &rows);
    }
}

/// sums[count][o], rows `stride` apart, += products of a few blocks of windows and one block of outputs in a plane of
/// the map.
static void add_windows(float *sums, const ck_feature_windows *f, int64_t first, int64_t count, const float *plane,
                        const float *rest, const float *panel, float *products, const reading *r,
                        const ck_dense_dots *dots, int64_t outputs, int64_t stride) {
    const int64_t each = dots->windows * dots->outputs * dots->lanes;
    memset(products, 0, sizeof *products * (size_t)(ck_ceil_div(count, dots->windows) * each));
    for (int64_t row = 0; row == 0 || row < r->height; row += ROWS)
        for (int64_t m = 0; m < count; m += dots->windows) {
            ck_dense_rows x = {.height = ck_min(ROWS, r->height - row), .width = r->width, .pitch = r->pitch};
            x.rest_count = row + ROWS >= r->height ? r->rest_count : 0;
            const int64_t some = ck_min(dots->windows, count - m);
            for (int64_t i = 0; i < some; i++) {
                const ck_feature_place *p = f->places + first + m + i;
                const int64_t y = p->y + f->border_rows[0] + row, column = p->x + f->border_columns[0];
                x.rows[i] = plane + y * f->map_w + column;
                x.rest[i] = rest + (m + i) * r->rest_count;
            }
            dots->dot_windows(products + m / dots->windows * each, &x, panel + row / 2 * r->two_rows, some);
        }
    for (int64_t m = 0; m < count; m += dots->windows)
        dots->add_lanes(sums + m * stride, products + m / dots->windows * each, ck_min(dots->windows, count - m),
                        outputs, stride);
}

/// Planes that are multiplied: channels, or pairs of them.
static int64_t planes(const ck_window_layer *layer) {
    return layer->pair ? ck_ceil_div(layer->f->c, 2) : layer->f->c;
}

/// Floats of the parts of a thread's scratch.
typedef struct parts {
    int64_t panels, rest, products, rest_weights, pairs, all;
} parts;

static parts parts_of(const ck_window_layer *layer) {
    const ck_feature_windows *f = layer->f;
    const ck_dense_dots *dots = layer->dots;
    reading r = reading_of(f, dots);
    parts p = {.panels = PANELS * r.weights, .rest = f->n * r.rest_count, .rest_weights = r.rest_count};
    p.products = BLOCKS * dots->windows * dots->outputs * dots->lanes;
    // A plane of pairs, and the rest of two channels of a window.
    p.pairs = layer->pair ? f->map_h * f->map_w + 2 * r.rest_count : 0;
    p.all = ck_round_up(p.panels + p.rest + p.products + p.rest_weights + p.pairs, CK_LINE);
    return p;
}

/// The sums of a group of planes, [groups][N][O].
static int64_t sums_floats(const ck_window_layer *layer) {
    return ck_round_up(ck_min(CK_DENSE_GROUPS, planes(layer)) * layer->f->n * layer->o, CK_LINE);
}

size_t ck_window_layer_scratch(const ck_window_layer *layer) {
    return (size_t)(CK_LINE + sums_floats(layer) + omp_get_max_threads() * parts_of(layer).all);
}

/// A plane of the map, and the rest[n][rest_count] of all windows in it. `pairs` is a buffer for pairs of integers.
static const float *read_plane(float *rest, const ck_window_layer *layer, int64_t i, const reading *r, float *pairs) {
    const ck_feature_windows *f = layer->f;
    const int64_t size = f->map_h * f->map_w;
    if (!layer->pair) {
        for (int64_t m = 0; m < f->n; m++)
            gather_rest(rest + m * r->rest_count, f, m, i, r);
        return f->map + i * size;
    }
    const bool has_odd = 2 * i + 1 < f->c;
    const float *even = f->map + 2 * i * size;
    float *two = pairs + size;
    layer->pair(pairs, even, has_odd ? even + size : NULL, size, layer->pair_factor);
    for (int64_t m = 0; m < f->n; m++) {
        gather_rest(two, f, m, 2 * i, r);
        if (has_odd)
            gather_rest(two + r->rest_count, f, m, 2 * i + 1, r);
        layer->pair(rest + m * r->rest_count, two, has_odd ? two + r->rest_count : NULL, r->rest_count,
                    layer->pair_factor);
    }
    return pairs;
}

/// sums[N][O] += products in plane i.
static void add_plane(float *sums, const ck_window_layer *layer, int64_t i, const reading *r, float *own) {
    const ck_feature_windows *f = layer->f;
    const ck_dense_dots *dots = layer->dots;
    const parts p = parts_of(layer);
    const int64_t n = f->n, o = layer->o, windows = BLOCKS * dots->windows;
    float *panel = own, *rest = panel + p.panels, *products = rest + p.rest, *rest_weights = products + p.products;
    const float *plane = read_plane(rest, layer, i, r, rest_weights + p.rest_weights);
    for (int64_t first = 0; first < o; first += PANELS * dots->outputs) {
        const int64_t last = ck_min(first + PANELS * dots->outputs, o);
        for (int64_t k = first; k < last; k += dots->outputs)
            pack_weights(panel + (k - first) / dots->outputs * r->weights,
                         layer->w + k * layer->stride + i * f->h * f->w, f, r, dots, ck_min(dots->outputs, last - k),
                         layer->stride, rest_weights);
        for (int64_t m = 0; m < n; m += windows)
            for (int64_t k = first; k < last; k += dots->outputs)
                add_windows(sums + m * o + k, f, m, ck_min(windows, n - m), plane, rest + m * r->rest_count,
                            panel + (k - first) / dots->outputs * r->weights, products, r, dots,
                            ck_min(dots->outputs, last - k), o);
    }
}

void ck_window_layer_forward(float *y, const ck_window_layer *layer, float *scratch) {
    const ck_feature_windows *f = layer->f;
    const reading r = reading_of(f, layer->dots);
    const int64_t count = planes(layer), groups = ck_min(CK_DENSE_GROUPS, count), o = layer->o, each = f->n * o;
    float *all = ck_align(scratch), *own = all + sums_floats(layer);
    const int64_t of_thread = parts_of(layer).all;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = all + group * each;
        memset(sums, 0, sizeof *sums * (size_t)each);
        for (int64_t i = group * count / groups; i < (group + 1) * count / groups; i++)
            add_plane(sums, layer, i, &r, own + omp_get_thread_num() * of_thread);
    }
    for (int64_t e = 0; e < each; e++) {
        float sum = 0;
        for (int64_t group = 0; group < groups; group++)
            sum += all[group * each + e];
        sum *= layer->factor ? layer->factor[e % o] : 1;
        y[e] = sum + (f->first_channel > 0 ? y[e] : layer->b ? layer->b[e % o] : 0);
    }
}

/// The layer of floats; null dots where no variant is available.
static ck_window_layer layer_of(const ck_feature_windows *f, const float *w, const float *b, int64_t o) {
    const ck_dense_variant *variant = ck_dense_choose();
    const int64_t plane = f->h * f->w;
    return (ck_window_layer){
        .f = f,
        .dots = variant ? &variant->dots : NULL,
        .w = w ? w + f->first_channel * plane : NULL,
        .stride = f->channels * plane,
        .o = o,
        .b = b,
    };
}

size_t ck_linear_windows_scratch(const ck_feature_windows *f, int64_t o) {
    if (ck_check_windows(f) != CK_OK || o < 1)
        return 0;
    ck_window_layer layer = layer_of(f, NULL, NULL, o);
    return layer.dots ? ck_window_layer_scratch(&layer) : 0;
}

ck_status ck_linear_windows_forward(float *y, const ck_feature_windows *f, const float *w, const float *b, int64_t o,
                                    float *scratch, size_t scratch_count) {
    ck_status status = ck_check_windows(f);
    if (status != CK_OK)
        return status;
    if (!y || !w || !scratch)
        return CK_NULL_POINTER;
    if (o < 1)
        return CK_BAD_DIMENSION;
    ck_window_layer layer = layer_of(f, w, b, o);
    if (!layer.dots)
        return CK_BAD_PARAMETER;
    if (scratch_count < ck_window_layer_scratch(&layer))
        return CK_SCRATCH_TOO_SMALL;
    ck_window_layer_forward(y, &layer, scratch);
    return CK_OK;
}
