/// Bilinear resampling; part of image_augment_lanes.h.

/// Coordinates along one axis of the source: the index in the frame of the pixel before, and the part of the way to the
/// next. The frame's white pixels end an axis on both sides: mirrored coordinates meet them with weight 0 at most.
typedef struct place {
    words index;
    vec part;
} place;

static inline place locate(vec at, float last, bool is_white) {
    if (is_white) {
        at = held(at, -1, last + 1) + 1;
        // The last pixel of the frame has no next one.
        ints whole = to_ints(held(at, 0, last + 1));
        return (place){(words)whole, at - __builtin_convertvector(whole, vec)};
    }
    float period = last > 0 ? 2 * last : 1, inverse_period = 1 / period;
    at = larger(at, -at);
    at -= period * __builtin_convertvector(to_ints(at * inverse_period), vec);
    at = held(smaller(at, period - at), 0, last);
    ints whole = to_ints(at);
    return (place){(words)whole + 1, at - __builtin_convertvector(whole, vec)};
}

static void locate_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    const float *m = a->inverse, column_start = m[1] * (float)y + m[2], row_start = m[4] * (float)y + m[5];
    vec x;
    for (int i = 0; i < LANES; i++)
        x[i] = (float)i;
    for (int64_t i = 0; i < memory->pitch; i += LANES, x += (float)LANES) {
        place column = locate(m[0] * x + column_start, (float)(d->w - 1), a->white_border);
        place row = locate(m[3] * x + row_start, (float)(d->h - 1), a->white_border);
        words next = (words)to_ints(column.part * (float)CK_COLUMN_WEIGHT + 0.5f);
        *(words *)(memory->offsets + i) = row.index * (uint32_t)(3 * (d->w + 2)) + column.index * 3;
        *(words *)(memory->column_weights + i) = next << 16 | (CK_COLUMN_WEIGHT - next);
        store(memory->row_parts + i, row.part);
    }
}

/// Pixels of four numbers that fill a vector.
enum { PIXELS = LANES / 4 };
typedef uint64_t pairs_of_pixels __attribute__((ext_vector_type(PIXELS)));
typedef uint8_t channel_pairs __attribute__((ext_vector_type(2 * LANES)));
typedef int16_t shorts __attribute__((ext_vector_type(2 * LANES)));
typedef uint8_t channels __attribute__((ext_vector_type(LANES), aligned(1), may_alias));

/// Sums of two neighbouring products each.
static inline ints add_products(shorts a, shorts b) {
#if defined(__x86_64__) && LANES == 16
    return (ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__x86_64__) && LANES == 8
    return (ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
    return (ints)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
    words x = (words)a, y = (words)b;
    return ((ints)(x << 16) >> 16) * ((ints)(y << 16) >> 16) + ((ints)x >> 16) * ((ints)y >> 16);
#endif
}

// RGBRGB-- becomes RRGGBBBB, and a weight is meant for all numbers of its pixel.
#if LANES == 16
#define PAIR_CHANNELS                                                                                                  \
    0, 3, 1, 4, 2, 5, 2, 5, 8, 11, 9, 12, 10, 13, 10, 13, 16, 19, 17, 20, 18, 21, 18, 21, 24, 27, 25, 28, 26, 29, 26, 29
#define EACH_FOR_FOUR 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3
#elif LANES == 8
#define PAIR_CHANNELS 0, 3, 1, 4, 2, 5, 2, 5, 8, 11, 9, 12, 10, 13, 10, 13
#define EACH_FOR_FOUR 0, 0, 0, 0, 1, 1, 1, 1
#else
#define PAIR_CHANNELS 0, 3, 1, 4, 2, 5, 2, 5
#define EACH_FOR_FOUR 0, 0, 0, 0
#endif

/// What lies between the columns, in units of 1 / CK_COLUMN_WEIGHT: exact.
static inline vec between_columns(const uint8_t *source, const uint32_t *offsets, shorts weights) {
    pairs_of_pixels pairs;
    for (int p = 0; p < PIXELS; p++) {
        uint64_t pair;
        memcpy(&pair, source + offsets[p], sizeof pair);
        pairs[p] = pair;
    }
    channel_pairs bytes = (channel_pairs)pairs;
    bytes = __builtin_shufflevector(bytes, bytes, PAIR_CHANNELS);
    return __builtin_convertvector(add_products(__builtin_convertvector(bytes, shorts), weights), vec);
}

static void affine_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    locate_row(memory, a, d, y);
    const uint8_t *source = memory->source, *below = source + 3 * (d->w + 2);
    for (int64_t x = 0; x < memory->pitch; x += PIXELS) {
        const uint32_t *offsets = memory->offsets + x;
        words weights = (words)0;
        vec parts = (vec)0.0f;
        memcpy(&weights, memory->column_weights + x, PIXELS * sizeof(uint32_t));
        memcpy(&parts, memory->row_parts + x, PIXELS * sizeof(float));
        shorts columns = (shorts)__builtin_shufflevector(weights, weights, EACH_FOR_FOUR);
        vec upper = between_columns(source, offsets, columns), lower = between_columns(below, offsets, columns);
        vec value = upper + (lower - upper) * __builtin_shufflevector(parts, parts, EACH_FOR_FOUR);
        value = value * (1.0f / CK_COLUMN_WEIGHT) + 0.5f;
        *(channels *)(memory->row + x) = __builtin_convertvector(to_ints(value), channels);
    }
}
