/// Convolution in 16-bit fixed point: the functions of the contract, packed weights and the loops over threads. The
/// arithmetic is in fixed_lanes.h.
#include "fixed/fixed_variant.h"
#include "runtime/instruction_set.h"

#include <float.h>

#if defined(__x86_64__)
#include <cpuid.h>

static bool has_avx512vnni(void) {
    return ck_fixed_avx512 && ck_is_selected_isa(CK_ISA_AVX512) && __builtin_cpu_supports("avx512vnni");
}

static bool has_avxvnni(void) {
    unsigned a, b, c, d;
    return ck_fixed_avxvnni && ck_is_selected_isa(CK_ISA_AVX2) && __get_cpuid_count(7, 1, &a, &b, &c, &d) &&
           (a >> 4 & 1);
}
#else
static bool has_avx512vnni(void) {
    return false;
}

static bool has_avxvnni(void) {
    return false;
}
#endif

bool ck_fixed_is_fast(void) {
    return has_avx512vnni() || has_avxvnni();
}

const ck_fixed_variant *ck_fixed_variant_in_use(void) {
    if (has_avx512vnni())
        return ck_fixed_avx512;
    if (has_avxvnni())
        return ck_fixed_avxvnni;
    // There is no variant for AVX-512 without VNNI.
    bool may_use = ck_is_selected_isa(CK_ISA_AVX2) || ck_is_selected_isa(CK_ISA_AVX512);
    return may_use && ck_fixed_avx2 ? ck_fixed_avx2 : ck_fixed_portable;
}

/// Whether Winograd's transforms compute the convolution: kernels of 3 with stride 1.
static bool is_transformed(const ck_fixed_conv2d *d) {
    return d->kernel == 3 && d->stride == 1;
}

static int64_t taps(const ck_fixed_conv2d *d) {
    return d->kernel * d->kernel;
}

/// The limit of the sum of the magnitudes of a filter's weights. Rounding adds a half for each weight.
static double most_weight(const ck_fixed_conv2d *d) {
    double most = 2147483647.0 / CK_FIXED_LARGEST / (is_transformed(d) ? 4 : 1);
    return most - 0.5 * (double)(d->c * taps(d)) - 1;
}

static ck_status check_filters(const ck_fixed_conv2d *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->c < 1 || d->k < 1 || d->c > INT16_MAX || d->k > INT16_MAX || (d->kernel != 1 && d->kernel != 3) ||
        (d->stride != 1 && d->stride != 2) || most_weight(d) < 1)
        return CK_BAD_DIMENSION;
    bool are_scales =
        isfinite(d->input_scale) && d->input_scale > 0 && isfinite(d->output_scale) && d->output_scale >= 0;
    return are_scales ? CK_OK : CK_BAD_PARAMETER;
}

static ck_status check(const ck_fixed_conv2d *d) {
    ck_status status = check_filters(d);
    if (status != CK_OK)
        return status;
    // Offsets in a band have 32 bits.
    const int64_t most = 1 << 20;
    return d->n < 1 || d->h < 1 || d->w < 1 || d->n > INT32_MAX || d->h > most || d->w > most ? CK_BAD_DIMENSION
                                                                                              : CK_OK;
}

/// Packed weights: for each filter a factor and a shift, then blocks of filters.
typedef struct packed_weights {
    float *factor, *shift;
    int32_t *panels;
    int64_t panel;
} packed_weights;

/// Number of filters, including those that pad the last block.
static int64_t padded_filters(const ck_fixed_conv2d *d) {
    return ck_round_up(d->k, CK_FIXED_BLOCK);
}

/// Pairs of weights of a block of filters.
static int64_t panel_size(const ck_fixed_conv2d *d) {
    return ck_ceil_div(d->c, 2) * (is_transformed(d) ? CK_FIXED_POINTS : taps(d)) * CK_FIXED_BLOCK;
}

static packed_weights lay_out(const void *packed, const ck_fixed_conv2d *d) {
    packed_weights p = {.factor = (float *)packed, .panel = panel_size(d)};
    p.shift = p.factor + padded_filters(d);
    p.panels = (int32_t *)(p.shift + padded_filters(d));
    return p;
}

size_t ck_fixed_conv2d_packed_bytes(const ck_fixed_conv2d *d) {
    if (check_filters(d) != CK_OK)
        return 0;
    return sizeof(int32_t) * (size_t)(2 * padded_filters(d) + padded_filters(d) / CK_FIXED_BLOCK * panel_size(d));
}

/// The step between two weights of a filter.
static double step_of(const float *w, const ck_fixed_conv2d *d) {
    double sum = 0, largest = 0;
    for (int64_t i = 0; i < d->c * taps(d); i++) {
        sum += fabs((double)w[i]);
        largest = fmax(largest, fabs((double)w[i]));
    }
    // A transformed weight is at most a sum of nine.
    double limit = is_transformed(d) ? INT16_MAX / 9 : INT16_MAX;
    return fmax(fmax(sum / most_weight(d), largest / limit), DBL_MIN);
}

/// G g G^T, four times Winograd's: [16] from [9].
static void transform_weights(int32_t *to, const int32_t *g) {
    int32_t half[4][3];
    for (int column = 0; column < 3; column++) {
        int32_t a = g[column], b = g[3 + column], c = g[6 + column];
        half[0][column] = 2 * a;
        half[1][column] = a + b + c;
        half[2][column] = a - b + c;
        half[3][column] = 2 * c;
    }
    for (int row = 0; row < 4; row++) {
        int32_t a = half[row][0], b = half[row][1], c = half[row][2];
        to[4 * row] = 2 * a;
        to[4 * row + 1] = a + b + c;
        to[4 * row + 2] = a - b + c;
        to[4 * row + 3] = 2 * c;
    }
}

/// Position of the weight of filter k for a pair of channels at a tap or, transformed, at a Winograd point.
static int64_t place_of(const packed_weights *p, const ck_fixed_conv2d *d, int64_t k, int64_t pair, int64_t tap) {
    const int64_t pairs = ck_ceil_div(d->c, 2), block = k / CK_FIXED_BLOCK * p->panel;
    if (!is_transformed(d))
        return block + (pair * taps(d) + tap) * CK_FIXED_BLOCK + k % CK_FIXED_BLOCK;
    // Two groups alternate from one column of points to the next.
    const int64_t group = k % CK_FIXED_BLOCK / CK_FIXED_GROUP, row = tap / 4, column = tap % 4;
    const int64_t run = ((group / 2 * 4 + column) * 2 + group % 2) * pairs + pair;
    return block + (run * 4 + row) * CK_FIXED_GROUP + k % CK_FIXED_GROUP;
}

/// Writes the weights of filter k for channel c.
static void pack_channel(const packed_weights *p, const int32_t *w, const ck_fixed_conv2d *d, int64_t k, int64_t c) {
    int32_t points[CK_FIXED_POINTS];
    if (is_transformed(d))
        transform_weights(points, w);
    for (int64_t i = 0; i < (is_transformed(d) ? CK_FIXED_POINTS : taps(d)); i++) {
        int16_t *pair = (int16_t *)(p->panels + place_of(p, d, k, c / 2, i));
        pair[c % 2] = (int16_t)(is_transformed(d) ? points[i] : w[i]);
    }
}

ck_status ck_fixed_conv2d_pack(void *packed, const float *w, const float *b, const ck_fixed_conv2d *d) {
    ck_status status = check_filters(d);
    if (status != CK_OK)
        return status;
    if (!packed || !w)
        return CK_NULL_POINTER;
    for (int64_t i = 0; i < d->k * d->c * taps(d); i++)
        if (!isfinite(w[i]))
            return CK_BAD_PARAMETER;
    for (int64_t k = 0; b && k < d->k; k++)
        if (!isfinite(b[k]))
            return CK_BAD_PARAMETER;
    memset(packed, 0, ck_fixed_conv2d_packed_bytes(d));
    const packed_weights p = lay_out(packed, d);
    const double output_scale = d->output_scale > 0 ? (double)d->output_scale : 1;
    for (int64_t k = 0; k < d->k; k++, w += d->c * taps(d)) {
        double step = step_of(w, d);
        p.factor[k] = (float)(step * (double)d->input_scale / output_scale / (is_transformed(d) ? 4 : 1));
        p.shift[k] = b ? (float)((double)b[k] / output_scale) : 0;
        for (int64_t c = 0; c < d->c; c++) {
            int32_t rounded[9];
            for (int64_t i = 0; i < taps(d); i++)
                rounded[i] = (int32_t)lrint((double)w[c * taps(d) + i] / step);
            pack_channel(&p, rounded, d, k, c);
        }
    }
    return CK_OK;
}

static ck_geometry geometry_of(const ck_fixed_conv2d *d) {
    ck_geometry g = {
        .n = d->n,
        .c = ck_ceil_div(d->c, 2),
        .h = d->h,
        .w = d->w,
        .k = d->k,
        .r = d->kernel,
        .s = d->kernel,
        .stride_h = d->stride,
        .stride_w = d->stride,
        .pad_h = d->kernel / 2,
        .pad_w = d->kernel / 2,
        .oh = (d->h - 1) / d->stride + 1,
        .ow = (d->w - 1) / d->stride + 1,
    };
    g.crs = g.c * g.r * g.s;
    return g;
}

static ck_direct_plan plan_of(const ck_geometry *g, const ck_fixed_variant *variant) {
    static const ck_conv2d_epilogue none;
    ck_direct_plan plan;
    ck_direct_plan_forward(&plan, g, &none, &variant->direct);
    return plan;
}

/// Output rows of a strip.
enum { STRIP_ROWS = 2 * CK_FIXED_VECTORS };

/// Integers of the buffers that a thread needs for Winograd's transforms: tiles, products, and the pixels of tiles at
/// an edge of the image.
static int64_t tile_buffers(int64_t pairs, const ck_fixed_variant *variant) {
    const int64_t lanes = variant->direct.lanes;
    return CK_FIXED_POINTS * CK_FIXED_VECTORS * (pairs + CK_FIXED_GROUP) * lanes +
           pairs * (STRIP_ROWS + 2) * (2 * lanes + 2);
}

static int64_t band_floats(const ck_direct_plan *plan) {
    return plan->geometry.c * plan->band.plane;
}

size_t ck_fixed_conv2d_scratch(const ck_fixed_conv2d *d) {
    if (check(d) != CK_OK)
        return 0;
    const ck_fixed_variant *variant = ck_fixed_variant_in_use();
    int64_t each;
    if (is_transformed(d)) {
        each = tile_buffers(ck_ceil_div(d->c, 2), variant);
    } else {
        ck_geometry g = geometry_of(d);
        ck_direct_plan plan = plan_of(&g, variant);
        each = band_floats(&plan);
    }
    return sizeof(float) * (size_t)(CK_LINE + omp_get_max_threads() * ck_round_up(each, CK_LINE));
}

/// Image n of y.
static ck_fixed_outputs outputs_of(void *y, int64_t n, const packed_weights *p, const ck_geometry *g,
                                   const ck_fixed_conv2d *d) {
    const int64_t plane = g->oh * g->ow;
    ck_fixed_outputs out = {.factor = p->factor, .shift = p->shift, .k = g->k, .oh = g->oh, .ow = g->ow};
    if (d->output_scale > 0)
        out.pairs = (int32_t *)y + n * ck_ceil_div(g->k, 2) * plane;
    else
        out.floats = (float *)y + n * g->k * plane;
    out.least = d->relu ? 0 : -CK_FIXED_LARGEST;
    return out;
}

/// A convolution, cut into pieces of work: strips or bands of each image.
typedef struct convolution {
    const ck_fixed_conv2d *d;
    const ck_fixed_variant *variant;
    packed_weights weights;
    ck_geometry geometry;
    ck_fixed_tiles tiles;
    ck_direct_plan plan;
    /// Pieces of an image.
    int64_t pieces;
    const int32_t *x;
    void *y;
    /// Elements of each thread's part of the buffers.
    float *buffers;
    int64_t each;
} convolution;

static void compute_piece(int64_t index, int32_t thread, void *context) {
    const convolution *c = context;
    const int64_t n = index / c->pieces, piece = index % c->pieces;
    float *own = c->buffers + thread * c->each;
    ck_fixed_outputs out = outputs_of(c->y, n, &c->weights, &c->geometry, c->d);
    if (is_transformed(c->d)) {
        const int64_t image = c->geometry.c * c->geometry.h * c->geometry.w;
        c->variant->transform(&c->tiles, &out, c->x + n * image, c->weights.panels, piece * STRIP_ROWS, (int32_t *)own);
    } else {
        ck_planes in = ck_input_planes((const float *)c->x, n, &c->geometry);
        c->variant->correlate(&c->plan, &out, &in, c->weights.panels, piece * c->plan.tiling.rows, own);
    }
}

ck_status ck_fixed_conv2d_forward(void *y, const int16_t *x, const void *packed, const ck_fixed_conv2d *d,
                                  void *scratch, size_t scratch_bytes) {
    ck_status status = check(d);
    ck_isa isa;
    if (status == CK_OK)
        status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    if (!y || !x || !packed || !scratch)
        return CK_NULL_POINTER;
    if (scratch_bytes < ck_fixed_conv2d_scratch(d))
        return CK_SCRATCH_TOO_SMALL;
    convolution c = {.d = d, .variant = ck_fixed_variant_in_use(), .weights = lay_out(packed, d), .y = y};
    c.x = (const int32_t *)x;
    c.geometry = geometry_of(d);
    c.buffers = ck_align(scratch);
    if (is_transformed(d)) {
        c.tiles = (ck_fixed_tiles){.pairs = c.geometry.c, .h = d->h, .w = d->w};
        c.pieces = ck_ceil_div(d->h, STRIP_ROWS);
        c.each = ck_round_up(tile_buffers(c.geometry.c, c.variant), CK_LINE);
    } else {
        c.plan = plan_of(&c.geometry, c.variant);
        c.pieces = c.plan.tiling.bands;
        c.each = ck_round_up(band_floats(&c.plan), CK_LINE);
    }
    // A thread that another one interrupts, such as the reader of a slide, does not keep the others waiting.
    return ck_for_each(d->n * c.pieces, compute_piece, &c);
}
