/// Convolution in 16-bit fixed point: the functions of the contract and the loops over threads. The arithmetic is in
/// fixed_lanes.h.
#include "fixed/fixed_weights.h"
#include "runtime/instruction_set.h"

static _Atomic bool may_use_vnni = true;

void ck_fixed_set_vnni(bool may_use) {
    may_use_vnni = may_use;
}

#if defined(__x86_64__)
#include <cpuid.h>

static bool has_avx512vnni(void) {
    return may_use_vnni && __builtin_cpu_supports("avx512vnni");
}

static bool has_avxvnni(void) {
    unsigned a, b, c, d;
    return may_use_vnni && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
#else
static bool has_avx512vnni(void) {
    return false;
}

static bool has_avxvnni(void) {
    return false;
}
#endif

const ck_fixed_variant *ck_fixed_variant_in_use(void) {
    if (ck_fixed_avx512 && ck_is_selected_isa(CK_ISA_AVX512))
        return has_avx512vnni() ? ck_fixed_avx512vnni : ck_fixed_avx512;
    if (ck_fixed_avx2 && ck_is_selected_isa(CK_ISA_AVX2))
        return has_avxvnni() ? ck_fixed_avxvnni : ck_fixed_avx2;
    return ck_fixed_portable;
}

bool ck_fixed_is_fast(void) {
    return ck_fixed_variant_in_use() != ck_fixed_portable;
}

bool ck_fixed_conv2d_is_transformed(const ck_fixed_conv2d *d) {
    // Parts of an image, which contain their padding, are computed directly: with the same integers as weights, and so
    // with the same result.
    return d && ck_fixed_has_transform(d) && d->column_stride == 1 && d->pad == 1 && !d->max_pooling;
}

/// Rows of outputs, before pooling; below 1 if the kernel does not fit.
static int64_t output_rows(const ck_fixed_conv2d *d) {
    const int64_t room = d->h + 2 * d->pad - d->kernel;
    return room < 0 ? 0 : room / d->stride + 1;
}

static int64_t output_columns(const ck_fixed_conv2d *d) {
    const int64_t room = d->w + 2 * d->pad - d->kernel;
    return room < 0 ? 0 : room / d->column_stride + 1;
}

static ck_status check(const ck_fixed_conv2d *d) {
    ck_status status = ck_fixed_check_filters(d);
    if (status != CK_OK)
        return status;
    // Offsets in a band have 32 bits.
    const int64_t most = 1 << 20;
    if (d->n < 1 || d->h < 1 || d->w < 1 || d->n > INT32_MAX || d->h > most || d->w > most || d->column_stride < 1 ||
        d->column_stride > INT16_MAX || d->pad < 0 || d->pad >= d->kernel)
        return CK_BAD_DIMENSION;
    const int64_t least = d->max_pooling ? 2 : 1;
    return output_rows(d) < least || output_columns(d) < least ? CK_BAD_DIMENSION : CK_OK;
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
        .stride_w = d->column_stride,
        .pad_h = d->pad,
        .pad_w = d->pad,
        .oh = output_rows(d),
        .ow = output_columns(d),
    };
    g.crs = g.c * g.r * g.s;
    return g;
}

static ck_direct_plan plan_of(const ck_geometry *g, const ck_fixed_conv2d *d, const ck_fixed_variant *variant) {
    const ck_conv2d_epilogue epilogue = {.pooling = d->max_pooling ? CK_POOLING_MAXIMUM : CK_POOLING_NONE};
    ck_direct_plan plan;
    ck_direct_plan_forward(&plan, g, &epilogue, &variant->direct);
    return plan;
}

/// Output rows that Winograd's transforms compute at a time.
static int64_t strip_rows(const ck_fixed_conv2d *d, const ck_fixed_variant *variant) {
    return 2 * CK_FIXED_VECTORS * (d->w <= variant->direct.lanes ? 2 : 1);
}

/// Integers of the buffers that a thread needs for Winograd's transforms: tiles, products, and the pixels of tiles at
/// an edge of the image.
static int64_t tile_buffers(int64_t pairs, const ck_fixed_variant *variant) {
    const int64_t lanes = variant->direct.lanes;
    return CK_FIXED_POINTS * CK_FIXED_VECTORS * (pairs + CK_FIXED_GROUP) * lanes +
           pairs * (2 * CK_FIXED_VECTORS + 2) * 2 * (lanes + 2);
}

/// Elements of the buffers of a thread for a direct convolution: a band, then outputs to be pooled.
static int64_t band_buffers(const ck_direct_plan *plan) {
    return plan->geometry.c * plan->band.plane + plan->buffers.unfinished;
}

size_t ck_fixed_conv2d_scratch(const ck_fixed_conv2d *d) {
    if (check(d) != CK_OK)
        return 0;
    const ck_fixed_variant *variant = ck_fixed_variant_in_use();
    int64_t each;
    if (ck_fixed_conv2d_is_transformed(d)) {
        each = tile_buffers(ck_ceil_div(d->c, 2), variant);
    } else {
        ck_geometry g = geometry_of(d);
        ck_direct_plan plan = plan_of(&g, d, variant);
        each = band_buffers(&plan);
    }
    return sizeof(float) * (size_t)(CK_LINE + omp_get_max_threads() * ck_round_up(each, CK_LINE));
}

/// A convolution, cut into pieces of work: strips or bands of each image.
typedef struct convolution {
    const ck_fixed_conv2d *d;
    const ck_fixed_variant *variant;
    ck_fixed_weights weights;
    ck_geometry geometry;
    ck_fixed_tiles tiles;
    ck_direct_plan plan;
    /// Pieces of an image.
    int64_t pieces;
    const int32_t *x, *residual;
    void *y;
    /// Elements of each thread's part of the buffers.
    float *buffers;
    int64_t each;
} convolution;

/// Image n of the outputs.
static ck_fixed_outputs outputs_of(const convolution *c, int64_t n) {
    const ck_geometry *g = &c->geometry;
    const int64_t pairs = ck_ceil_div(g->k, 2), plane = g->oh * g->ow;
    const int64_t stored = c->d->max_pooling ? (g->oh / 2) * (g->ow / 2) : plane;
    const float scale = c->d->output_scale;
    ck_fixed_outputs out = {.k = g->k, .oh = g->oh, .ow = g->ow};
    out.factor = c->weights.factor;
    out.shift = c->weights.shift;
    if (scale > 0)
        out.pairs = (int32_t *)c->y + n * pairs * stored;
    else
        out.floats = (float *)c->y + n * g->k * stored;
    if (c->residual) {
        out.residual = c->residual + n * pairs * plane;
        out.residual_factor = scale > 0 ? c->d->residual_scale / scale : c->d->residual_scale;
    }
    out.least = c->d->relu ? 0 : -CK_FIXED_LARGEST;
    return out;
}

static void compute_piece(int64_t index, int32_t thread, void *context) {
    const convolution *c = context;
    const int64_t n = index / c->pieces, piece = index % c->pieces;
    float *own = c->buffers + thread * c->each;
    ck_fixed_outputs out = outputs_of(c, n);
    if (ck_fixed_conv2d_is_transformed(c->d)) {
        const int64_t image = c->geometry.c * c->geometry.h * c->geometry.w;
        c->variant->transform(&c->tiles, &out, c->x + n * image, c->weights.transformed,
                              piece * strip_rows(c->d, c->variant), (int32_t *)own);
    } else {
        ck_planes in = ck_input_planes((const float *)c->x, n, &c->geometry);
        c->variant->correlate(&c->plan, &out, &in, c->weights.panels, piece * c->plan.tiling.rows, own);
    }
}

ck_status ck_fixed_conv2d_forward(void *y, const int16_t *x, const int16_t *residual, const void *packed,
                                  const ck_fixed_conv2d *d, void *scratch, size_t scratch_bytes) {
    ck_status status = check(d);
    ck_isa isa;
    if (status == CK_OK)
        status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    if (!y || !x || !packed || !scratch || (d->residual_scale > 0 && !residual))
        return CK_NULL_POINTER;
    if (d->residual_scale == 0 && residual)
        return CK_BAD_PARAMETER;
    if (scratch_bytes < ck_fixed_conv2d_scratch(d))
        return CK_SCRATCH_TOO_SMALL;
    convolution c = {
        .d = d, .variant = ck_fixed_variant_in_use(), .weights = ck_fixed_lay_out_weights(packed, d), .y = y};
    c.x = (const int32_t *)x;
    c.residual = (const int32_t *)residual;
    c.geometry = geometry_of(d);
    c.buffers = ck_align(scratch);
    if (ck_fixed_conv2d_is_transformed(d)) {
        c.tiles = (ck_fixed_tiles){.pairs = c.geometry.c, .h = d->h, .w = d->w};
        c.pieces = ck_ceil_div(d->h, strip_rows(d, c.variant));
        c.each = ck_round_up(tile_buffers(c.geometry.c, c.variant), CK_LINE);
    } else {
        c.plan = plan_of(&c.geometry, d, c.variant);
        c.pieces = c.plan.tiling.bands;
        c.each = ck_round_up(band_buffers(&c.plan), CK_LINE);
    }
    // A thread that another one interrupts, such as the reader of a slide, does not keep the others waiting.
    return ck_for_each(d->n * c.pieces, compute_piece, &c);
}
