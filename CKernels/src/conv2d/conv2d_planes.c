#include "conv2d/conv2d_planes.h"

static int64_t output_plane(const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    return epilogue->pooling == CK_POOLING_NONE ? g->oh * g->ow : (g->oh / 2) * (g->ow / 2);
}

/// Whether the backward pass of an epilogue needs a ReLU mask.
static bool has_relu_mask(const ck_conv2d_epilogue *epilogue) {
    return epilogue->relu && epilogue->pooling != CK_POOLING_NONE;
}

ck_planes ck_input_planes(const float *x, int64_t n, const ck_geometry *g) {
    int64_t image = g->c * g->h * g->w;
    return (ck_planes){.values = x + n * image, .end = x + g->n * image, .h = g->h, .w = g->w};
}

ck_outputs ck_output_planes(float *y, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    bool has_mask = has_relu_mask(epilogue) && epilogue->relu_mask;
    return (ck_outputs){
        .values = y + n * g->k * output_plane(g, epilogue),
        .oh = g->oh,
        .ow = g->ow,
        .relu = epilogue->relu,
        .pooling = epilogue->pooling,
        .residual = epilogue->residual ? epilogue->residual + n * g->k * g->oh * g->ow : NULL,
        .relu_mask = has_mask ? epilogue->relu_mask + n * g->k * g->oh * ck_mask_row_bytes(g->ow) : NULL,
    };
}

ck_planes ck_gradient_planes(const float *gy, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue) {
    int64_t image = g->k * output_plane(g, epilogue);
    bool is_pooled = epilogue->pooling != CK_POOLING_NONE;
    return (ck_planes){
        .values = gy + n * image,
        .end = gy + g->n * image,
        .h = g->oh,
        .w = g->ow,
        .is_pooled = is_pooled,
        .relu_mask = has_relu_mask(epilogue) ? epilogue->relu_mask + n * g->k * g->oh * ck_mask_row_bytes(g->ow) : NULL,
        .y = !is_pooled && epilogue->relu ? epilogue->y + n * image : NULL,
    };
}
