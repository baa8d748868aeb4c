/// Windows of a shared feature map (private).
#ifndef FEATURE_WINDOWS_H
#define FEATURE_WINDOWS_H

#include "dense/ck_dense.h"

ck_status ck_check_windows(const ck_feature_windows *f);

/// out[last - first]: features first ... last - 1 in row i of channel c of window n, `padding` outside the window.
void ck_copy_window_row(float *out, const ck_feature_windows *f, int64_t n, int64_t c, int64_t i, int64_t first,
                        int64_t last, float padding);

/// A dense layer of windows, of floats or of pairs of integers.
typedef struct ck_window_layer {
    const ck_feature_windows *f;
    const ck_dense_dots *dots;
    /// Weights of the channels of the map, and elements from one output to the next.
    const float *w;
    int64_t stride, o;
    /// Biases and factors of the outputs, or null.
    const float *b, *factor;
    /// Makes pairs of integers of the floats of two channels, times pair_factor; null for floats. A null channel is
    /// zeros.
    void (*pair)(float *out, const float *even, const float *odd, int64_t count, float factor);
    float pair_factor;
} ck_window_layer;

/// Floats of scratch for ck_window_layer_forward.
size_t ck_window_layer_scratch(const ck_window_layer *layer);
/// y[N][O] = products of windows and weights, times the factors, plus biases if the map has the first channel, or else
/// y.
void ck_window_layer_forward(float *y, const ck_window_layer *layer, float *scratch);

#endif
