#include "image_augment.h"

/// Optical densities of one unit of haematoxylin and of eosin for red, green and blue (Ruifrok & Johnston,
/// "Quantification of histochemical staining by color deconvolution", Anal. Quant. Cytol. Histol. 23, 2001).
static const double haematoxylin[3] = {0.650, 0.704, 0.286};
static const double eosin[3] = {0.072, 0.990, 0.105};

ck_stain_map ck_make_stain_map(const ck_augmentation *a) {
    ck_stain_map map = {.active = false};
    for (int c = 0; c < 3; c++)
        map.active |= a->stain_scale[c] != 1 || a->stain_shift[c] != 0 || a->illumination[c] != 1;
    if (!map.active)
        return map;
    // What neither dye explains lies at right angles to both: v[2] = v[0] x v[1].
    double v[3][3], dual[3][3];
    for (int c = 0; c < 3; c++) {
        v[0][c] = haematoxylin[c];
        v[1][c] = eosin[c];
    }
    for (int c = 0; c < 3; c++) {
        int i = (c + 1) % 3, j = (c + 2) % 3;
        v[2][c] = v[0][i] * v[1][j] - v[0][j] * v[1][i];
    }
    for (int s = 0; s < 3; s++) {
        double length = sqrt(v[s][0] * v[s][0] + v[s][1] * v[s][1] + v[s][2] * v[s][2]);
        for (int c = 0; c < 3; c++)
            v[s][c] /= length;
    }
    // The amount of dye s is dual[s] . density: cross products of the other two vectors over the determinant.
    double determinant = 0;
    for (int s = 0; s < 3; s++)
        for (int c = 0; c < 3; c++) {
            int i = (c + 1) % 3, j = (c + 2) % 3;
            const double *p = v[(s + 1) % 3], *q = v[(s + 2) % 3];
            dual[s][c] = p[i] * q[j] - p[j] * q[i];
        }
    for (int c = 0; c < 3; c++)
        determinant += v[0][c] * dual[0][c];
    for (int c = 0; c < 3; c++) {
        double shift = -log2(a->illumination[c]);
        for (int s = 0; s < 3; s++)
            shift += v[s][c] * a->stain_shift[s] * log2(10);
        map.shift[c] = (float)shift;
        for (int k = 0; k < 3; k++) {
            double sum = 0;
            for (int s = 0; s < 3; s++)
                sum += v[s][c] * a->stain_scale[s] * dual[s][k] / determinant;
            map.matrix[c][k] = (float)sum;
        }
    }
    return map;
}

void ck_density_table(float *density) {
    for (int byte = 0; byte < 256; byte++)
        density[byte] = (float)(8 - log2(byte + 1.0));
}

/// 2^x for -32 <= x <= 32, to 2e-7 of its value: Taylor's series between two whole powers.
static inline float exp2_near(float x) {
    int32_t whole = (int32_t)(x + 32.5f) - 32;
    float t = (x - (float)whole) * 0.69314718f;
    float series = 1 + t * (1 + t * (0.5f + t * (1.0f / 6 + t * (1.0f / 24 + t * (1.0f / 120 + t * (1.0f / 720))))));
    int32_t bits = (whole + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return series * power;
}

void ck_stain_row(float *restrict r, float *restrict g, float *restrict b, const ck_pixel *restrict row, int64_t w,
                  const ck_stain_map *map, const float *restrict density) {
    if (!map->active) {
        for (int64_t x = 0; x < w; x++) {
            r[x] = (float)(int32_t)(row[x] & 255);
            g[x] = (float)(int32_t)(row[x] >> 8 & 255);
            b[x] = (float)(int32_t)(row[x] >> 16 & 255);
        }
        return;
    }
    for (int64_t x = 0; x < w; x++) {
        r[x] = density[row[x] & 255];
        g[x] = density[row[x] >> 8 & 255];
        b[x] = density[row[x] >> 16 & 255];
    }
    ck_stain_map m = *map;
    for (int64_t x = 0; x < w; x++) {
        float red = r[x], green = g[x], blue = b[x], light[3];
        for (int c = 0; c < 3; c++) {
            float d = m.matrix[c][0] * red + m.matrix[c][1] * green + m.matrix[c][2] * blue + m.shift[c];
            light[c] = ck_clamp(exp2_near(ck_clamp(8 - d, -1, 9)) - 1, 0, 255);
        }
        r[x] = light[0];
        g[x] = light[1];
        b[x] = light[2];
    }
}

bool ck_changes_colour(const ck_augmentation *a) {
    return a->brightness != 1 || a->contrast != 1 || a->saturation != 1 || a->hue != 0;
}

static inline float grey_level(float r, float g, float b) {
    return 0.2989f * r + 0.587f * g + 0.114f * b;
}

static void brightness_row(float *restrict v, int64_t w, float factor) {
    for (int64_t x = 0; x < w; x++)
        v[x] = ck_clamp(v[x] * factor, 0, 255);
}

static void contrast_row(float *restrict v, int64_t w, float factor, float mean) {
    float rest = (1 - factor) * mean;
    for (int64_t x = 0; x < w; x++)
        v[x] = ck_clamp(v[x] * factor + rest, 0, 255);
}

static void saturation_row(float *restrict r, float *restrict g, float *restrict b, int64_t w, float factor) {
    for (int64_t x = 0; x < w; x++) {
        float rest = (1 - factor) * grey_level(r[x], g[x], b[x]);
        r[x] = ck_clamp(r[x] * factor + rest, 0, 255);
        g[x] = ck_clamp(g[x] * factor + rest, 0, 255);
        b[x] = ck_clamp(b[x] * factor + rest, 0, 255);
    }
}

/// A colour's channel from its value, chroma and hue in sixths; n is 5 for red, 3 for green, 1 for blue.
static inline float channel(float value, float chroma, float hue, float n) {
    float k = hue + n;
    k = k >= 6 ? k - 6 : k;
    return value - chroma * ck_clamp(k < 4 - k ? k : 4 - k, 0, 1);
}

static void hue_row(float *restrict r, float *restrict g, float *restrict b, int64_t w, float shift) {
    for (int64_t x = 0; x < w; x++) {
        float red = r[x], green = g[x], blue = b[x];
        float high = red > green ? red : green, low = red < green ? red : green;
        high = high > blue ? high : blue;
        low = low < blue ? low : blue;
        float chroma = high - low, scale = 1 / (chroma > 0 ? chroma : 1);
        float of_blue = 4 + (red - green) * scale, of_green = 2 + (blue - red) * scale;
        float hue = high == green ? of_green : of_blue;
        hue = (high == red ? (green - blue) * scale : hue) + 6 * shift;
        hue = hue < 0 ? hue + 6 : hue;
        hue = hue >= 6 ? hue - 6 : hue;
        r[x] = channel(high, chroma, hue, 5);
        g[x] = channel(high, chroma, hue, 3);
        b[x] = channel(high, chroma, hue, 1);
    }
}

static void colour_step(int step, float *r, float *g, float *b, int64_t w, const ck_augmentation *a, float mean) {
    float *channels[3] = {r, g, b};
    for (int c = 0; c < 3; c++) {
        if (step == CK_BRIGHTNESS && a->brightness != 1)
            brightness_row(channels[c], w, a->brightness);
        if (step == CK_CONTRAST && a->contrast != 1)
            contrast_row(channels[c], w, a->contrast, mean);
    }
    if (step == CK_SATURATION && a->saturation != 1)
        saturation_row(r, g, b, w, a->saturation);
    if (step == CK_HUE && a->hue != 0)
        hue_row(r, g, b, w, a->hue);
}

double ck_colour_row_before_contrast(float *restrict r, float *restrict g, float *restrict b, int64_t w,
                                     const ck_augmentation *a) {
    for (int i = 0; a->colour_order[i] != CK_CONTRAST; i++)
        colour_step(a->colour_order[i], r, g, b, w, a, 0);
    float sum = 0;
    if (a->contrast != 1) {
#pragma omp simd reduction(+ : sum)
        for (int64_t x = 0; x < w; x++)
            sum += grey_level(r[x], g[x], b[x]);
    }
    return sum;
}

void ck_colour_row_from_contrast(float *r, float *g, float *b, int64_t w, const ck_augmentation *a, float mean) {
    int i = 0;
    while (a->colour_order[i] != CK_CONTRAST)
        i++;
    for (; i < 4; i++)
        colour_step(a->colour_order[i], r, g, b, w, a, mean);
}
