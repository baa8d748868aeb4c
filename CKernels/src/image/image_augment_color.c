#include "image/image_augment.h"

static ck_stain_map make_stain_map(const ck_augmentation *a) {
    ck_stain_map map = {.active = false};
    for (int c = 0; c < 3; c++)
        map.active |= a->stain_scale[c] != 1 || a->stain_shift[c] != 0 || a->illumination[c] != 1;
    if (!map.active)
        return map;
    // The residual is orthogonal to both stains: v[2] = v[0] x v[1].
    double v[3][3], dual[3][3];
    for (int c = 0; c < 3; c++) {
        v[0][c] = a->hematoxylin[c];
        v[1][c] = a->eosin[c];
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
    // The amount of stain s is dual[s] . density / determinant, where dual[s] is the cross product of the other two.
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

int32_t ck_make_pixel_steps(ck_pixel_steps *steps, const ck_augmentation *a) {
    steps->stain = make_stain_map(a);
    steps->count = 0;
    if (steps->stain.active)
        steps->step[steps->count++].kind = CK_STAIN;
    const float factors[] = {a->brightness, a->contrast, a->saturation, 6 * a->hue};
    int32_t contrast = -1;
    for (int i = 0; i < 4; i++) {
        int kind = a->color_order[i];
        if (factors[kind] == (kind == CK_HUE ? 0 : 1))
            continue;
        if (kind == CK_CONTRAST)
            contrast = steps->count;
        steps->step[steps->count].kind = kind;
        steps->step[steps->count++].factor = factors[kind];
    }
    return contrast < 0 ? steps->count : contrast;
}
