/// Optimizer steps; included by dense_tile.h with its macros defined.

/// One step of LANES parameters.
static inline __attribute__((always_inline)) void step_vector(const ck_step *s, ck_stepped p, vec gradient) {
    vec parameter = load(p.parameters);
    gradient = gradient * s->gradient_scale + s->decay * parameter;
    if (s->method == CK_METHOD_ADAM) {
        vec m = s->beta1 * load(p.first) + s->rest1 * gradient;
        vec v = s->beta2 * load(p.second) + s->rest2 * gradient * gradient;
        store(p.first, m);
        store(p.second, v);
        vec spread = __builtin_elementwise_sqrt(v) * s->correction + s->epsilon;
        store(p.parameters, parameter * s->shrink - s->step_size * m / spread);
        return;
    }
    if (s->momentum != 0) {
        vec velocity = s->is_first ? gradient : s->momentum * load(p.first) + s->take * gradient;
        store(p.first, velocity);
        gradient = s->nesterov ? gradient + s->momentum * velocity : velocity;
    }
    store(p.parameters, parameter - s->learning_rate * gradient);
}

/// One step of `count` parameters, fewer than LANES.
static void step_part(const ck_step *s, ck_stepped p, vec gradient, int64_t count) {
    float *from[3] = {p.parameters, p.first, p.second}, part[3][LANES] = {{0}};
    for (int a = 0; a < 3; a++)
        for (int64_t i = 0; from[a] && i < count; i++)
            part[a][i] = from[a][i];
    step_vector(s, (ck_stepped){part[0], p.first ? part[1] : NULL, p.second ? part[2] : NULL}, gradient);
    for (int a = 0; a < 3; a++)
        for (int64_t i = 0; from[a] && i < count; i++)
            from[a][i] = part[a][i];
}

static void step(const ck_step *s, ck_stepped p, const float *gradients, int64_t count) {
    int64_t at = 0;
    for (; at + LANES <= count; at += LANES)
        step_vector(s, ck_moved(p, at), load(gradients + at));
    if (at < count)
        step_part(s, ck_moved(p, at), load_part(gradients + at, count - at), count - at);
}

/// Gradients of a block of outputs are buffered in the first-level cache, so that steps process whole rows.
static void step_product(const ck_step *s, ck_stepped w, const float *gy, const float *x, int64_t n, int64_t o,
                         int64_t count, int64_t stride) {
    float gradients[WEIGHT_O * CK_STEP_CHUNK];
    for (int64_t k = 0; k < o; k += WEIGHT_O) {
        int64_t rows = ck_min(WEIGHT_O, o - k);
        weight_rows(gradients, gy + k, x, n, o, rows, count, stride, CK_STEP_CHUNK);
        for (int64_t j = 0; j < rows; j++)
            step(s, ck_moved(w, (k + j) * stride), gradients + j * CK_STEP_CHUNK, count);
    }
}
