/// Optimizers and the squared norm. The arithmetic of a step is in dense/dense_step.h.
#include "dense/ck_dense.h"

static bool is_below_one(float x) {
    return x >= 0 && x < 1;
}

static bool is_finite_rate(float x) {
    return x >= 0 && isfinite(x);
}

static ck_status describe_sgd(ck_step *out, const ck_sgd *s, const float *velocity, float gradient_scale,
                              int64_t step) {
    if (!s || (!velocity && s->momentum != 0))
        return CK_NULL_POINTER;
    if (step < 1 || !is_finite_rate(s->learning_rate) || !is_finite_rate(s->momentum) || !isfinite(s->dampening) ||
        !is_finite_rate(s->weight_decay) || !isfinite(gradient_scale))
        return CK_BAD_PARAMETER;
    if (s->nesterov && (s->momentum == 0 || s->dampening != 0))
        return CK_BAD_PARAMETER;
    *out = (ck_step){
        .method = CK_METHOD_SGD,
        .gradient_scale = gradient_scale,
        .decay = s->weight_decay,
        .learning_rate = s->learning_rate,
        .momentum = s->momentum,
        .take = 1 - s->dampening,
        .nesterov = s->nesterov,
        // PyTorch initializes the velocity with the first gradient, without dampening.
        .is_first = step == 1,
    };
    return CK_OK;
}

static ck_status describe_adam(ck_step *out, const ck_adam *s, float gradient_scale, int64_t step) {
    if (!s)
        return CK_NULL_POINTER;
    if (step < 1 || !is_finite_rate(s->learning_rate) || !is_below_one(s->beta1) || !is_below_one(s->beta2) ||
        !is_finite_rate(s->epsilon) || !is_finite_rate(s->weight_decay) || !isfinite(gradient_scale))
        return CK_BAD_PARAMETER;
    *out = (ck_step){
        .method = CK_METHOD_ADAM,
        .gradient_scale = gradient_scale,
        .decay = s->decoupled_decay ? 0 : s->weight_decay,
        .beta1 = s->beta1,
        .beta2 = s->beta2,
        .rest1 = 1 - s->beta1,
        .rest2 = 1 - s->beta2,
        // Bias corrections in double: 1 - 0.999^1 has only four correct digits in float.
        .step_size = (float)(s->learning_rate / (1 - pow(s->beta1, (double)step))),
        .correction = (float)(1 / sqrt(1 - pow(s->beta2, (double)step))),
        .epsilon = s->epsilon,
        .shrink = s->decoupled_decay ? 1 - s->learning_rate * s->weight_decay : 1,
    };
    return CK_OK;
}

static ck_status take_step(const ck_step *step, ck_stepped p, const float *gradients, int64_t count) {
    if (count < 0)
        return CK_BAD_DIMENSION;
    const ck_dense_variant *form = ck_dense_choose();
    if (!form)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t piece = 0; piece < ck_ceil_div(count, CK_PIECE); piece++) {
        int64_t first = piece * CK_PIECE;
        form->step(step, ck_moved(p, first), gradients + first, ck_min(CK_PIECE, count - first));
    }
    return CK_OK;
}

static ck_status take_product_step(const ck_step *step, ck_stepped w, const float *gy, const float *x, int64_t n,
                                   int64_t i, int64_t o) {
    if (n < 1 || i < 1 || o < 1)
        return CK_BAD_DIMENSION;
    const ck_dense_variant *form = ck_dense_choose();
    if (!form)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < ck_ceil_div(i, CK_STEP_CHUNK); chunk++) {
        int64_t first = chunk * CK_STEP_CHUNK;
        form->step_product(step, ck_moved(w, first), gy, x + first, n, o, ck_min(CK_STEP_CHUNK, i - first), i);
    }
    return CK_OK;
}

ck_status ck_sgd_step(float *parameters, float *velocity, const float *gradients, int64_t count, float gradient_scale,
                      int64_t step, const ck_sgd *settings) {
    ck_step s;
    if (!parameters || !gradients)
        return CK_NULL_POINTER;
    ck_status status = describe_sgd(&s, settings, velocity, gradient_scale, step);
    return status != CK_OK ? status : take_step(&s, (ck_stepped){parameters, velocity, NULL}, gradients, count);
}

ck_status ck_sgd_step_product(float *w, float *velocity, const float *gy, const float *x, int64_t n, int64_t i,
                              int64_t o, float gradient_scale, int64_t step, const ck_sgd *settings) {
    ck_step s;
    if (!w || !gy || !x)
        return CK_NULL_POINTER;
    ck_status status = describe_sgd(&s, settings, velocity, gradient_scale, step);
    return status != CK_OK ? status : take_product_step(&s, (ck_stepped){w, velocity, NULL}, gy, x, n, i, o);
}

ck_status ck_adam_step(float *parameters, float *first_moment, float *second_moment, const float *gradients,
                       int64_t count, float gradient_scale, int64_t step, const ck_adam *settings) {
    ck_step s;
    if (!parameters || !first_moment || !second_moment || !gradients)
        return CK_NULL_POINTER;
    ck_status status = describe_adam(&s, settings, gradient_scale, step);
    return status != CK_OK ? status
                           : take_step(&s, (ck_stepped){parameters, first_moment, second_moment}, gradients, count);
}

ck_status ck_adam_step_product(float *w, float *first_moment, float *second_moment, const float *gy, const float *x,
                               int64_t n, int64_t i, int64_t o, float gradient_scale, int64_t step,
                               const ck_adam *settings) {
    ck_step s;
    if (!w || !first_moment || !second_moment || !gy || !x)
        return CK_NULL_POINTER;
    ck_status status = describe_adam(&s, settings, gradient_scale, step);
    return status != CK_OK ? status
                           : take_product_step(&s, (ck_stepped){w, first_moment, second_moment}, gy, x, n, i, o);
}

size_t ck_squared_norm_scratch(int64_t count) {
    return count < 1 ? 0 : (size_t)ck_ceil_div(count, CK_PIECE);
}

ck_status ck_squared_norm(double *norm2, const float *x, int64_t count, double *scratch, size_t scratch_count) {
    if (!norm2 || !x || (!scratch && count > 0))
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    if (scratch_count < ck_squared_norm_scratch(count))
        return CK_SCRATCH_TOO_SMALL;
    int64_t pieces = (int64_t)ck_squared_norm_scratch(count);
#pragma omp parallel for schedule(static)
    for (int64_t piece = 0; piece < pieces; piece++) {
        int64_t last = ck_min(count, (piece + 1) * CK_PIECE);
        double sum = 0;
        {
#pragma clang fp reassociate(on) contract(fast)
            for (int64_t i = piece * CK_PIECE; i < last; i++)
                sum += (double)x[i] * (double)x[i];
        }
        scratch[piece] = sum;
    }
    *norm2 = 0;
    for (int64_t piece = 0; piece < pieces; piece++)
        *norm2 += scratch[piece];
    return CK_OK;
}
