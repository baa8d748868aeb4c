/// Stain and color steps, and packing to bytes. Included by image_augment_lanes.h.

typedef struct color {
    vec r, g, b;
} color;

static inline color clamp_color(color c) {
    return (color){clamp(c.r, 0, 255), clamp(c.g, 0, 255), clamp(c.b, 0, 255)};
}

static inline color to_color(words pixels) {
    return (color){to_floats(pixels & 255), to_floats(pixels >> 8 & 255), to_floats(pixels >> 16 & 255)};
}

/// 8 - log2(x) for integers 1 ... 256, with an error up to 4e-7; exactly 0 for 256.
static inline vec density(vec x) {
    // Minimax polynomial for mantissas from sqrt(1/2) to sqrt(2).
    ints bits = (ints)x, exponent = (bits - 0x3F3504F3) >> 23;
    vec t = (vec)(bits - (exponent << 23)) - 1;
    vec p = -0.29740819f + t * (0.27123436f + t * -0.16805169f);
    p = -1.4426997f + t * (0.72137219f + t * (-0.48046768f + t * (0.35911691f + t * p)));
    return __builtin_convertvector(8 - exponent, vec) + t * p;
}

/// 2^x for 0 <= x <= 8, with a relative error up to 2e-7; exact for integers.
static inline vec power_of_two(vec x) {
    // Adding 1.5 * 2^23 rounds to the nearest integer, in the low bits of the mantissa.
    vec shifted = x + 12582912.0f, t = x - (shifted - 12582912.0f);
    vec p = 0.055507336f + t * (0.0096715139f + t * 0.0013264731f);
    p = 1 + t * (0.693147f + t * (0.24022243f + t * p));
    return (vec)((ints)p + ((ints)shifted << 23));
}

static inline color stained(color c, const ck_stain_map *m) {
    vec r = density(c.r + 1), g = density(c.g + 1), b = density(c.b + 1), light[3];
    for (int i = 0; i < 3; i++) {
        vec d = m->matrix[i][0] * r + m->matrix[i][1] * g + m->matrix[i][2] * b + m->shift[i];
        light[i] = power_of_two(clamp(8 - d, 0, 8)) - 1;
    }
    return (color){light[0], light[1], light[2]};
}

static inline vec gray_level(color c) {
    return 0.2989f * c.r + 0.587f * c.g + 0.114f * c.b;
}

/// c * factor + offset, clamped.
static inline color blended(color c, float factor, vec offset) {
    return clamp_color((color){c.r * factor + offset, c.g * factor + offset, c.b * factor + offset});
}

/// Rotates the hue by `sixths` of a turn. All terms are scaled by the chroma to avoid a division.
static inline color rotate_hue(color c, float sixths) {
    vec high = larger(larger(c.r, c.g), c.b), low = smaller(smaller(c.r, c.g), c.b), chroma = high - low;
    vec of_green = c.b - c.r + 2 * chroma, of_blue = c.r - c.g + 4 * chroma, circle = 6 * chroma;
    vec hue = high == c.r ? c.g - c.b : (high == c.g ? of_green : of_blue);
    hue += chroma * sixths;
    hue = hue < 0 ? hue + circle : hue;
    hue = hue >= circle ? hue - circle : hue;
    // Distances of the hue from cyan, green and blue.
    vec r = hue - 3 * chroma, g = hue - 2 * chroma, b = hue - 4 * chroma;
    r = magnitude(r) - chroma;
    g = 2 * chroma - magnitude(g);
    b = 2 * chroma - magnitude(b);
    return (color){low + smaller(larger(r, (vec)0.0f), chroma), low + smaller(larger(g, (vec)0.0f), chroma),
                   low + smaller(larger(b, (vec)0.0f), chroma)};
}

static inline color apply_step(color c, const ck_pixel_steps *steps, int32_t i) {
    float factor = steps->step[i].factor;
    switch (steps->step[i].kind) {
    case CK_STAIN:
        return stained(c, &steps->stain);
    case CK_BRIGHTNESS:
        return clamp_color((color){c.r * factor, c.g * factor, c.b * factor});
    case CK_CONTRAST:
        return blended(c, factor, (vec)steps->step[i].offset);
    case CK_SATURATION:
        return blended(c, factor, (1 - factor) * gray_level(c));
    default:
        return rotate_hue(c, factor);
    }
}

static double pixel_row(const ck_augment_memory *memory, int64_t y, int64_t w, bool is_from_row,
                        const ck_pixel_steps *steps, int32_t first, int32_t last, bool sums_gray) {
    const ck_pixel *pixels = memory->row;
    float *r = memory->planes + y * memory->pitch, *g = r + memory->plane, *b = g + memory->plane;
    // Partial sums for the longest vectors, so that the order of additions is the same for all instruction sets.
    float sums[CK_AUGMENT_LANES] = {0};
    for (int64_t x = 0, pitch = memory->pitch; x < pitch; x += LANES) {
        color c = is_from_row ? to_color(*(const words *)(pixels + x)) : (color){load(r + x), load(g + x), load(b + x)};
        for (int32_t i = first; i < last; i++)
            c = apply_step(c, steps, i);
        store(r + x, c.r);
        store(g + x, c.g);
        store(b + x, c.b);
        if (sums_gray) {
            vec gray = gray_level(c);
            for (int64_t i = ck_max(0, w - x); i < LANES; i++)
                gray[i] = 0;
            float *sum = sums + x % CK_AUGMENT_LANES;
            store(sum, load(sum) + gray);
        }
    }
    double sum = 0;
    for (int i = 0; i < CK_AUGMENT_LANES; i++)
        sum += sums[i];
    return sum;
}

#if REGISTER == 16
#define THREE_OF_FOUR                                                                                                  \
    0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22, 24, 25, 26, 28, 29, 30, 32, 33, 34, 36, 37, 38,    \
        40, 41, 42, 44, 45, 46, 48, 49, 50, 52, 53, 54, 56, 57, 58, 60, 61, 62, -1, -1, -1, -1, -1, -1, -1, -1, -1,    \
        -1, -1, -1, -1, -1, -1, -1
#elif REGISTER == 8
#define THREE_OF_FOUR                                                                                                  \
    0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 16, 17, 18, 20, 21, 22, 24, 25, 26, 28, 29, 30, -1, -1, -1, -1, -1, -1,    \
        -1, -1
#else
#define THREE_OF_FOUR 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1
#endif

typedef uint8_t four_channels __attribute__((ext_vector_type(4 * REGISTER), aligned(4), may_alias));

static void write_row(uint8_t *out, const ck_augment_memory *memory, int64_t w) {
    const ck_pixel *pixels = memory->row;
    for (int64_t x = 0; x < w; x += REGISTER) {
        four_channels bytes = *(const four_channels *)(pixels + x);
        bytes = __builtin_shufflevector(bytes, bytes, THREE_OF_FOUR);
        if (w - x >= REGISTER)
            memcpy(out + 3 * x, &bytes, 3 * REGISTER);
        else
            for (int i = 0; i < 3 * (w - x); i++)
                out[3 * x + i] = bytes[i];
    }
}

static inline words rounded(const float *p) {
    return (words)to_ints(clamp(load(p), 0, 255) + 0.5f);
}

static void pack_row(const ck_augment_memory *memory, int64_t y) {
    const float *r = memory->planes + y * memory->pitch, *g = r + memory->plane, *b = g + memory->plane;
    ck_pixel *row = memory->row;
    for (int64_t x = 0, pitch = memory->pitch; x < pitch; x += LANES)
        *(words *)(row + x) = rounded(r + x) | rounded(g + x) << 8 | rounded(b + x) << 16;
}
