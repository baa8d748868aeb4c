/// Blur, sharpening and noise. Included by image_augment_lanes.h.

static void blur_row(float *out, const float *const *before, const float *const *after, const float *weights,
                     int64_t radius, int64_t pitch) {
    for (int64_t x = 0; x < pitch; x += LANES) {
        vec sum = weights[0] * load(before[0] + x);
        for (int64_t i = 1; i <= radius; i++)
            sum += weights[i] * (load(before[i] + x) + load(after[i] + x));
        store(out + x, sum);
    }
}

static void sharpen_row(float *row, const float *blurred, int64_t pitch, float strength) {
    for (int64_t x = 0; x < pitch; x += LANES) {
        vec pixels = load(row + x);
        store(row + x, clamp(pixels + strength * (pixels - load(blurred + x)), 0, 255));
    }
}

static void add_noise(float *row, const float *noise, int64_t pitch, float sigma) {
    for (int64_t x = 0; x < pitch; x += LANES)
        store(row + x, clamp(load(row + x) + sigma * load(noise + x), 0, 255));
}
