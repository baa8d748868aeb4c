/// Bilinear resampling; part of image_augment_lanes.h.

/// One axis of the source.
typedef struct axis {
    float last, period, inverse_period;
    bool is_white;
} axis;

static inline axis make_axis(int64_t extent, bool is_white) {
    float last = (float)(extent - 1), period = extent > 1 ? 2 * last : 1;
    return (axis){last, period, 1 / period, is_white};
}

/// The index in the frame of the pixel before a coordinate, and the part of the way to the next. The frame's white
/// pixels end an axis on both sides: mirrored coordinates meet them with weight 0 at most.
static inline words locate(vec *part, vec at, const axis *on) {
    vec start;
    words index;
    if (on->is_white) {
        at = held(at, -1, on->last + 1) + 1;
        // The last pixel of the frame has no next one.
        index = (words)to_ints(held(at, 0, on->last + 1));
        start = to_floats(index);
    } else {
        at = magnitude(at);
        at -= on->period * __builtin_convertvector(to_ints(at * on->inverse_period), vec);
        at = held(smaller(at, on->period - at), 0, on->last);
        index = (words)to_ints(at);
        start = to_floats(index);
        index += 1;
    }
    *part = at - start;
    return index;
}

/// A column's weights and those of the next one add up to this. They are negative, because 16 bits hold this number
/// with a minus sign only.
enum { WEIGHTS = 32768 };

static void locate_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    const float *m = a->inverse, column_slope = m[0], row_slope = m[3];
    const float column_start = m[1] * (float)y + m[2], row_start = m[4] * (float)y + m[5];
    const axis across = make_axis(d->w, a->white_border), down = make_axis(d->h, a->white_border);
    const uint32_t row_bytes = (uint32_t)(3 * (d->w + 2));
    uint32_t *offsets = memory->offsets, *weights = memory->column_weights;
    float *parts = memory->row_parts;
    vec x, part;
    for (int i = 0; i < LANES; i++)
        x[i] = (float)i;
    for (int64_t i = 0, pitch = memory->pitch; i < pitch; i += LANES, x += (float)LANES) {
        words column = locate(&part, column_slope * x + column_start, &across);
        words next = (words)to_ints(smaller(part * WEIGHTS + 0.5f, (vec)(float)(WEIGHTS - 1)));
        // The next one's in the upper half.
        *(words *)(weights + i) = (next | WEIGHTS) - (next << 16);
        words row = locate(&part, row_slope * x + row_start, &down);
        *(words *)(offsets + i) = row * row_bytes + column * 3;
        store(parts + i, part);
    }
}

/// Pixels of four numbers that fill a register.
enum { PIXELS = REGISTER / 4 };
typedef float one_vec __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef int32_t one_ints __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef uint32_t one_words __attribute__((ext_vector_type(REGISTER), aligned(4), may_alias));
typedef uint64_t pairs_of_pixels __attribute__((ext_vector_type(PIXELS)));
typedef uint8_t channel_pairs __attribute__((ext_vector_type(2 * REGISTER)));
typedef int16_t shorts __attribute__((ext_vector_type(2 * REGISTER)));
typedef uint8_t channels __attribute__((ext_vector_type(REGISTER), aligned(1), may_alias));

/// Sums of two neighboring products each.
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

// RGBRGB-- becomes RRGGBBBB, and a weight is meant for all numbers of its pixel.
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

/// What lies between the columns, times -WEIGHTS: exact.
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
    const float *row_parts = memory->row_parts;
    ck_pixel *row = memory->row;
    for (int64_t x = 0, pitch = memory->pitch; x < pitch; x += PIXELS) {
        one_words weights = (one_words)0;
        one_vec parts = (one_vec)0.0f;
        memcpy(&weights, column_weights + x, PIXELS * sizeof(uint32_t));
        memcpy(&parts, row_parts + x, PIXELS * sizeof(float));
        shorts columns = (shorts)__builtin_shufflevector(weights, weights, EACH_FOR_FOUR);
        one_vec upper = between_columns(source, offsets + x, columns),
                lower = between_columns(below, offsets + x, columns);
        one_vec value = upper + (lower - upper) * __builtin_shufflevector(parts, parts, EACH_FOR_FOUR);
        // The sum has no bits left for fractions of a gray level: rounded, it ends up in the lowest byte.
        one_words rounded = (one_words)(12582912.0f * WEIGHTS - value);
        *(channels *)(row + x) = __builtin_convertvector(rounded, channels);
    }
}
