/// Bilinear resampling. Included by image_augment_lanes.h.

/// One axis of the source.
typedef struct axis {
    float last, period, inverse_period;
    bool is_white;
} axis;

static inline axis make_axis(int64_t extent, bool is_white) {
    float last = (float)(extent - 1), period = extent > 1 ? 2 * last : 1;
    return (axis){last, period, 1 / period, is_white};
}

/// Index, in the source with its white border, of the pixel before coordinate `at`, and the fraction of the way to the
/// next pixel. Mirrored coordinates read border pixels with weight 0 only.
static inline words locate(vec *fraction, vec at, const axis *on) {
    vec start;
    words index;
    if (on->is_white) {
        at = clamp(at, -1, on->last + 1) + 1;
        // The last border pixel has no next one.
        index = (words)to_ints(clamp(at, 0, on->last + 1));
        start = to_floats(index);
    } else {
        at = magnitude(at);
        at -= on->period * __builtin_convertvector(to_ints(at * on->inverse_period), vec);
        at = clamp(smaller(at, on->period - at), 0, on->last);
        index = (words)to_ints(at);
        start = to_floats(index);
        index += 1;
    }
    *fraction = at - start;
    return index;
}

/// Sum of the fixed-point weights of two columns. Weights are negative, because -32768 fits in 16 bits and 32768 does
/// not.
enum { WEIGHTS = 32768 };

static void locate_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    const float *m = a->inverse, column_slope = m[0], row_slope = m[3];
    const float column_start = m[1] * (float)y + m[2], row_start = m[4] * (float)y + m[5];
    const axis across = make_axis(d->w, a->white_border), down = make_axis(d->h, a->white_border);
    const uint32_t row_bytes = (uint32_t)(3 * (d->w + 2));
    uint32_t *offsets = memory->offsets, *weights = memory->column_weights;
    float *fractions = memory->row_fractions;
    vec x, fraction;
    for (int i = 0; i < LANES; i++)
        x[i] = (float)i;
    for (int64_t i = 0, pitch = memory->pitch; i < pitch; i += LANES, x += (float)LANES) {
        words column = locate(&fraction, column_slope * x + column_start, &across);
        words next = (words)to_ints(smaller(fraction * WEIGHTS + 0.5f, (vec)(float)(WEIGHTS - 1)));
        // Weight of the next column in the upper 16 bits.
        *(words *)(weights + i) = (next | WEIGHTS) - (next << 16);
        words row = locate(&fraction, row_slope * x + row_start, &down);
        *(words *)(offsets + i) = row * row_bytes + column * 3;
        store(fractions + i, fraction);
    }
}

/// Pixels in a register, at four numbers each.
enum { PIXELS = REGISTER / 4 };
typedef float one_vec __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef int32_t one_ints __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef uint32_t one_words __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef uint64_t pairs_of_pixels __attribute__((ext_vector_type(PIXELS)));
typedef uint8_t channel_pairs __attribute__((ext_vector_type(2 * REGISTER)));
typedef int16_t shorts __attribute__((ext_vector_type(2 * REGISTER)));
typedef uint8_t channels __attribute__((ext_vector_type(REGISTER), aligned(1), may_alias));

/// Sums of adjacent pairs of products.
static inline one_ints add_products(shorts a, shorts b) {
#if defined(__x86_64__) && REGISTER == 16
    return (one_ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__x86_64__) && REGISTER == 8
    return (one_ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
    return (one_ints)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    one_words x = (one_words)a, y = (one_words)b;
    return ((one_ints)(x << 16) >> 16) * ((one_ints)(y << 16) >> 16) + ((one_ints)x >> 16) * ((one_ints)y >> 16);
#endif
}

// PAIR_CHANNELS turns RGBRGB-- into RRGGBBBB; EACH_FOR_FOUR repeats a weight for the four numbers of its pixel.
#if REGISTER == 16
#define PAIR_CHANNELS                                                                                                  \
    0, 3, 1, 4, 2, 5, 2, 5, 8, 11, 9, 12, 10, 13, 10, 13, 16, 19, 17, 20, 18, 21, 18, 21, 24, 27, 25, 28, 26, 29, 26, 29
#define EACH_FOR_FOUR 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3
#elif REGISTER == 8
#define PAIR_CHANNELS 0, 3, 1, 4, 2, 5, 2, 5, 8, 11, 9, 12, 10, 13, 10, 13
#define EACH_FOR_FOUR 0, 0, 0, 0, 1, 1, 1, 1
#else
#define PAIR_CHANNELS 0, 3, 1, 4, 2, 5, 2, 5
#define EACH_FOR_FOUR 0, 0, 0, 0
#endif

/// Values interpolated between two columns, times -WEIGHTS. The integer arithmetic is exact.
static inline one_vec between_columns(const uint8_t *source, const uint32_t *offsets, shorts weights) {
    pairs_of_pixels pairs;
    for (int p = 0; p < PIXELS; p++) {
        uint64_t pair;
        memcpy(&pair, source + offsets[p], sizeof pair);
        pairs[p] = pair;
    }
    shorts numbers = __builtin_convertvector((channel_pairs)pairs, shorts);
    numbers = __builtin_shufflevector(numbers, numbers, PAIR_CHANNELS);
    return __builtin_convertvector(add_products(numbers, weights), one_vec);
}

static void affine_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    locate_row(memory, a, d, y);
    const uint8_t *source = memory->source, *below = source + 3 * (d->w + 2);
    const uint32_t *offsets = memory->offsets, *column_weights = memory->column_weights;
    const float *row_fractions = memory->row_fractions;
    ck_pixel *row = memory->row;
    for (int64_t x = 0, pitch = memory->pitch; x < pitch; x += PIXELS) {
        one_words weights = (one_words)0;
        one_vec fractions = (one_vec)0.0f;
        memcpy(&weights, column_weights + x, PIXELS * sizeof(uint32_t));
        memcpy(&fractions, row_fractions + x, PIXELS * sizeof(float));
        shorts columns = (shorts)__builtin_shufflevector(weights, weights, EACH_FOR_FOUR);
        one_vec upper = between_columns(source, offsets + x, columns),
                lower = between_columns(below, offsets + x, columns);
        one_vec value = upper + (lower - upper) * __builtin_shufflevector(fractions, fractions, EACH_FOR_FOUR);
        // Adding 1.5 * 2^23 gray levels rounds to an integer in the low bits of the mantissa.
        one_words rounded = (one_words)(12582912.0f * WEIGHTS - value);
        *(channels *)(row + x) = __builtin_convertvector(rounded, channels);
    }
}
