#include "ck_internal.h"

static bool in_unit(float x) {
    return x >= 0 && x < 1;
}

static bool usable_rate(float x) {
    return x >= 0 && isfinite(x);
}

ck_status ck_sgd_step(float *parameters, float *velocity, const float *gradients, int64_t count, float gradient_scale,
                      int64_t step, const ck_sgd *settings) {
    if (!parameters || !gradients || !settings || (!velocity && settings->momentum != 0))
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    const ck_sgd s = *settings;
    if (step < 1 || !usable_rate(s.learning_rate) || !usable_rate(s.momentum) || !isfinite(s.dampening) ||
        !usable_rate(s.weight_decay) || !isfinite(gradient_scale))
        return CK_BAD_PARAMETER;
    if (s.nesterov && (s.momentum == 0 || s.dampening != 0))
        return CK_BAD_PARAMETER;
    // PyTorch starts the velocity with the first gradient, undamped.
    float take = 1 - s.dampening;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        float gradient = gradients[i] * gradient_scale + s.weight_decay * parameters[i];
        if (s.momentum != 0) {
            velocity[i] = step == 1 ? gradient : s.momentum * velocity[i] + take * gradient;
            gradient = s.nesterov ? gradient + s.momentum * velocity[i] : velocity[i];
        }
        parameters[i] -= s.learning_rate * gradient;
    }
    return CK_OK;
}

ck_status ck_adam_step(float *parameters, float *first_moment, float *second_moment, const float *gradients,
                       int64_t count, float gradient_scale, int64_t step, const ck_adam *settings) {
    if (!parameters || !first_moment || !second_moment || !gradients || !settings)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    const ck_adam s = *settings;
    if (step < 1 || !usable_rate(s.learning_rate) || !in_unit(s.beta1) || !in_unit(s.beta2) ||
        !usable_rate(s.epsilon) || !usable_rate(s.weight_decay) || !isfinite(gradient_scale))
        return CK_BAD_PARAMETER;
    // Bias corrections in double: 1 - 0.999^1 has only four good digits in float.
    float step_size = (float)(s.learning_rate / (1 - pow(s.beta1, (double)step)));
    float correction = (float)(1 / sqrt(1 - pow(s.beta2, (double)step)));
    float shrink = s.decoupled_decay ? 1 - s.learning_rate * s.weight_decay : 1;
    float decay = s.decoupled_decay ? 0 : s.weight_decay;
    float rest1 = 1 - s.beta1, rest2 = 1 - s.beta2;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
        float gradient = gradients[i] * gradient_scale + decay * parameters[i];
        float m = s.beta1 * first_moment[i] + rest1 * gradient;
        float v = s.beta2 * second_moment[i] + rest2 * gradient * gradient;
        first_moment[i] = m;
        second_moment[i] = v;
        parameters[i] = parameters[i] * shrink - step_size * m / (sqrtf(v) * correction + s.epsilon);
    }
    return CK_OK;
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

ck_status ck_scale(float *x, float factor, int64_t count) {
    if (!x)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        x[i] *= factor;
    return CK_OK;
}
