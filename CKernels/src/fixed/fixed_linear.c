/// Dense layers in 16-bit fixed point, for many inputs: weights take half the memory, and twice as many are multiplied
/// at a time.
#include "dense/feature_windows.h"
#include "fixed/fixed_variant.h"
#include "runtime/ck_scratch.h"
#include "runtime/instruction_set.h"

#include <float.h>

static ck_status check(const ck_fixed_linear *d) {
    if (!d)
        return CK_NULL_POINTER;
    const int64_t most = INT32_MAX;
    if (d->c < 1 || d->plane < 1 || d->o < 1 || d->c > most || d->plane > most || d->o > most || d->plane > most / d->c)
        return CK_BAD_DIMENSION;
    return isfinite(d->input_scale) && d->input_scale > 0 ? CK_OK : CK_BAD_PARAMETER;
}

/// Pairs of weights of an output.
static int64_t pairs(const ck_fixed_linear *d) {
    return ck_ceil_div(d->c, 2) * d->plane;
}

/// Packed weights are a factor for each output, then pairs [O][ceil(C / 2)][plane].
static int64_t factors(const ck_fixed_linear *d) {
    return ck_round_up(d->o, CK_LINE);
}

size_t ck_fixed_linear_packed_bytes(const ck_fixed_linear *d) {
    return check(d) == CK_OK ? sizeof(float) * (size_t)(factors(d) + d->o * pairs(d)) : 0;
}

/// The largest magnitude of `count` weights; not finite if one of them is not.
static float largest_of(const float *w, int64_t count) {
    float largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        float magnitude = fabsf(w[i]);
        largest = magnitude > largest ? magnitude : largest;
        // 0 or NaN.
        sum += magnitude * 0;
    }
    return largest + sum;
}

typedef struct packing {
    const ck_fixed_linear *d;
    const ck_fixed_variant *variant;
    const float *w;
    float *packed;
} packing;

static void pack_output(int64_t k, int32_t thread, void *context) {
    (void)thread;
    const packing *p = context;
    const int64_t c = p->d->c, plane = p->d->plane;
    const float *w = p->w + k * c * plane, largest = largest_of(w, c * plane);
    const float step = fmaxf(largest / CK_FIXED_DENSE_WEIGHT, FLT_MIN);
    p->packed[k] = step * p->d->input_scale + 0 * largest;
    float *to = p->packed + factors(p->d) + k * pairs(p->d);
    for (int64_t i = 0; i < c; i += 2, to += plane)
        p->variant->pair(to, w + i * plane, i + 1 < c ? w + (i + 1) * plane : NULL, plane, 1 / step);
}

ck_status ck_fixed_linear_pack(void *packed, const float *w, const ck_fixed_linear *d) {
    ck_status status = check(d);
    ck_isa isa;
    if (status == CK_OK)
        status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    if (!packed || !w)
        return CK_NULL_POINTER;
    packing p = {.d = d, .variant = ck_fixed_variant_in_use(), .w = w, .packed = packed};
    memset(packed, 0, sizeof(float) * (size_t)factors(d));
    status = ck_for_each(d->o, pack_output, &p);
    for (int64_t k = 0; k < d->o && status == CK_OK; k++)
        status = isfinite(p.packed[k]) ? CK_OK : CK_BAD_PARAMETER;
    return status;
}

static int64_t chunks(const ck_fixed_linear *d) {
    return ck_ceil_div(pairs(d), CK_DENSE_CHUNK);
}

/// Elements of the sums of all groups of chunks.
static int64_t sums_count(int64_t n, const ck_fixed_linear *d) {
    return ck_round_up(ck_min(CK_DENSE_GROUPS, chunks(d)) * n * d->o * CK_DENSE_LANES, CK_LINE);
}

size_t ck_fixed_linear_scratch(int64_t n, const ck_fixed_linear *d) {
    if (check(d) != CK_OK || n < 1)
        return 0;
    return sizeof(float) * (size_t)(CK_LINE + sums_count(n, d) + omp_get_max_threads() * n * CK_DENSE_CHUNK);
}

/// out[count]: pairs first ... first + count - 1 of an input.
static void read_chunk(float *out, const float *x, int64_t first, int64_t count, const ck_fixed_linear *d,
                       const ck_fixed_variant *variant) {
    while (count > 0) {
        const int64_t i = first / d->plane * 2, at = first % d->plane, some = ck_min(count, d->plane - at);
        const float *even = x + i * d->plane + at;
        variant->pair(out, even, i + 1 < d->c ? even + d->plane : NULL, some, 1 / d->input_scale);
        out += some;
        first += some;
        count -= some;
    }
}

ck_status ck_fixed_linear_forward(float *y, const float *x, const void *packed, const float *b, int64_t n,
                                  const ck_fixed_linear *d, void *scratch, size_t scratch_bytes) {
    ck_status status = check(d);
    ck_isa isa;
    if (status == CK_OK)
        status = n < 1 ? CK_BAD_DIMENSION : ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    if (!y || !x || !packed || !scratch)
        return CK_NULL_POINTER;
    if (scratch_bytes < ck_fixed_linear_scratch(n, d))
        return CK_SCRATCH_TOO_SMALL;
    const ck_fixed_variant *variant = ck_fixed_variant_in_use();
    const int64_t lanes = variant->dots.lanes, groups = ck_min(CK_DENSE_GROUPS, chunks(d)), each = n * d->o * lanes;
    const float *factor = packed, *w = factor + factors(d);
    float *all = ck_align(scratch), *own = all + sums_count(n, d);
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = all + group * each, *in = own + omp_get_thread_num() * n * CK_DENSE_CHUNK;
        memset(sums, 0, sizeof *sums * (size_t)each);
        for (int64_t chunk = group * chunks(d) / groups; chunk < (group + 1) * chunks(d) / groups; chunk++) {
            const int64_t first = chunk * CK_DENSE_CHUNK, count = ck_min(CK_DENSE_CHUNK, pairs(d) - first);
            for (int64_t m = 0; m < n; m++)
                read_chunk(in + m * CK_DENSE_CHUNK, x + m * d->c * d->plane, first, count, d, variant);
            variant->dots.dot(sums, in, w + first, n, d->o, count, CK_DENSE_CHUNK, pairs(d));
        }
    }
    ck_add_dense_groups(all, groups, n * d->o, lanes);
    for (int64_t e = 0; e < n * d->o; e++)
        y[e] = all[e] * factor[e % d->o] + (b ? b[e % d->o] : 0);
    return CK_OK;
}

static ck_window_layer layer_of(const ck_feature_windows *f, const void *packed, const float *b,
                                const ck_fixed_linear *d) {
    const ck_fixed_variant *variant = ck_fixed_variant_in_use();
    const float *factor = packed;
    return (ck_window_layer){
        .f = f,
        .dots = &variant->dots,
        .w = packed ? factor + factors(d) + f->first_channel / 2 * d->plane : NULL,
        .stride = pairs(d),
        .o = d->o,
        .b = b,
        .factor = factor,
        .pair = variant->pair,
        .pair_factor = 1 / d->input_scale,
    };
}

static ck_status check_windows(const ck_feature_windows *f, const ck_fixed_linear *d) {
    ck_status status = check(d);
    if (status == CK_OK)
        status = ck_check_windows(f);
    if (status != CK_OK)
        return status;
    bool fits = f->channels == d->c && f->h * f->w == d->plane && f->first_channel % 2 == 0;
    // A last pair of channels that is not the last one of the layer would lack its second channel.
    fits = fits && (f->c % 2 == 0 || f->first_channel + f->c == f->channels);
    return fits ? CK_OK : CK_BAD_DIMENSION;
}

size_t ck_fixed_linear_windows_scratch(const ck_feature_windows *f, const ck_fixed_linear *d) {
    if (check_windows(f, d) != CK_OK)
        return 0;
    ck_window_layer layer = layer_of(f, NULL, NULL, d);
    return sizeof(float) * ck_window_layer_scratch(&layer);
}

ck_status ck_fixed_linear_windows_forward(float *y, const ck_feature_windows *f, const void *packed, const float *b,
                                          const ck_fixed_linear *d, void *scratch, size_t scratch_bytes) {
    ck_status status = check_windows(f, d);
    ck_isa isa;
    if (status == CK_OK)
        status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    if (!y || !packed || !scratch)
        return CK_NULL_POINTER;
    if (scratch_bytes < ck_fixed_linear_windows_scratch(f, d))
        return CK_SCRATCH_TOO_SMALL;
    ck_window_layer layer = layer_of(f, packed, b, d);
    ck_window_layer_forward(y, &layer, scratch);
    return CK_OK;
}
