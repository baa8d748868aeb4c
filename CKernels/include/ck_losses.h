/// Losses of classes of samples and of pixels, and their gradients. The contract is that of ckernels.h.
#ifndef CK_LOSSES_H
#define CK_LOSSES_H

#include "ck_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// Loss (elementwise/loss.c)

/// Reduction of the losses of a batch to one number.
typedef enum __attribute__((enum_extensibility(closed))) ck_reduction {
    /// Sum divided by the summed class weights of the targets (PyTorch's "mean").
    CK_REDUCTION_MEAN CK_SWIFT_NAME("mean") = 0,
    CK_REDUCTION_SUM CK_SWIFT_NAME("sum"),
} ck_reduction;

/// Softmax cross-entropy with label smoothing and class weights, as torch.nn.functional.cross_entropy:
///   losses[n] = (1 - smoothing) * weight[t] * -log p[t]  +  smoothing / classes * sum over c of weight[c] * -log p[c]
/// loss: one number, reduced over the batch; NaN for a mean over no targets, as in PyTorch.
/// losses[N]: unreduced; may be null.
/// targets[N]: class t of each row. A negative target has no loss and no gradient.
/// class_weights[classes]: may be null (all 1).
ck_status ck_cross_entropy_forward(double *loss, float *losses, const float *logits, const int32_t *targets,
                                   const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                   int64_t classes);
/// glogits[N][classes]: gradient of the reduced loss.
ck_status ck_cross_entropy_backward(float *glogits, const float *logits, const int32_t *targets,
                                    const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                    int64_t classes);

// Distillation (elementwise/distillation.c). Logits are [N][classes][plane]: the classes of a sample, where plane is 1,
// or of each pixel.

typedef struct ck_distillation {
    int64_t n, classes, plane;
} ck_distillation;

/// p[N][classes][plane]: mean over the models of the softmax of logits[models][N][classes][plane].
ck_status ck_mean_softmax(float *p, const float *logits, int64_t models, const ck_distillation *d);

/// losses[N]: mean over the plane of the cross-entropy, the sum over c of -p[c] * log softmax(logits)[c]. The sum of p
/// over the classes is 1.
ck_status ck_distillation_forward(double *losses, const float *logits, const float *p, const ck_distillation *d);
/// glogits[N][classes][plane]: addend plus the gradient of the mean of the losses. glogits may be addend.
ck_status ck_distillation_backward(float *glogits, const float *addend, const float *logits, const float *p,
                                   const ck_distillation *d);

// Loss of pixel classes (pixels/pixel_loss.c). Logits are [N][3][plane], the classes those of ck_pixel_class.

/// Classes of a pixel in class maps.
enum {
    CK_PIXEL_BACKGROUND = 0,
    CK_PIXEL_INTERIOR = 1,
    /// The outermost pixels of a nucleus.
    CK_PIXEL_BOUNDARY = 2,
    /// No class: such a pixel has no loss.
    CK_PIXEL_IGNORED = 255,
};

/// Knowledge about the pixels of a sample.
typedef enum __attribute__((enum_extensibility(closed))) ck_pixel_truth {
    CK_TRUTH_NONE CK_SWIFT_NAME("none") = 0,
    /// The class of each pixel that is not ignored.
    CK_TRUTH_CLASSES CK_SWIFT_NAME("classes"),
    /// There is a nucleus somewhere.
    CK_TRUTH_ANY CK_SWIFT_NAME("any"),
    /// There is no nucleus: all pixels are background.
    CK_TRUTH_ABSENT CK_SWIFT_NAME("absent"),
} ck_pixel_truth;

/// The loss of a batch is the sum of three terms, each over the samples of its kind:
///   the mean softmax cross-entropy of pixels with a class, weighted by the weight of their class
///   dice_weight * (1 - D), where D is the mean of two soft Dice coefficients (Milletari et al. 2016), of interiors and
///     of whole nuclei: (2 sum of p t + 1) / (sum of p + sum of t + 1) for probabilities p and t = 1 inside, else 0
///   the mean of any_weight * -log score of samples with CK_TRUTH_ANY and absent_weight * -log(1 - score) of those with
///     CK_TRUTH_ABSENT; samples whose weight is 0 do not count
/// The score of a sample is the mean of the `top` largest probabilities of a nucleus, 1 - p[background].
typedef struct ck_pixel_loss {
    int64_t n, plane, top;
    float class_weights[3];
    float dice_weight, any_weight, absent_weight;
} ck_pixel_loss;

/// Sums of p, t and p t of a soft Dice coefficient.
typedef struct ck_overlap {
    double predicted, inside, common;
} ck_overlap;

/// The loss, and the sums that it consists of. `inside` and `score_count` are whole numbers.
typedef struct ck_pixel_sums {
    double loss;
    /// Weighted cross-entropies and their weights.
    double cross_entropy, weight;
    ck_overlap interior, nuclei;
    /// Weighted sum and number of the logarithms of scores.
    double score, score_count;
} ck_pixel_sums;

/// Floats of scratch for ck_pixel_scores and the pixel losses; 0 when a dimension is invalid.
size_t ck_pixel_scores_scratch(int64_t n, int64_t plane);
/// scores[N]: NaN where a logit is NaN.
/// density[N][plane]: density of a stain; may be null. A pixel whose density is below `least_density` counts as
/// background.
ck_status ck_pixel_scores(float *scores, const float *logits, const float *density, float least_density, int64_t n,
                          int64_t plane, int64_t top, float *scratch, size_t scratch_count);
/// sums[N]: the first element has the sums over the batch; the others are overwritten.
/// classes[N][plane]: read for samples whose truth is CK_TRUTH_CLASSES. truth[N].
ck_status ck_pixel_loss_forward(ck_pixel_sums *sums, const float *logits, const uint8_t *classes,
                                const ck_pixel_truth *truth, const ck_pixel_loss *d, float *scratch,
                                size_t scratch_count);
/// glogits[N][3][plane]: gradient of the loss. sums: those of the batch from ck_pixel_loss_forward.
ck_status ck_pixel_loss_backward(float *glogits, const ck_pixel_sums *sums, const float *logits, const uint8_t *classes,
                                 const ck_pixel_truth *truth, const ck_pixel_loss *d, float *scratch,
                                 size_t scratch_count);

/// Probabilities of pixel classes (pixels/pixel_probabilities.c), from logits[12][h][w] before
/// ck_pixel_shuffle_forward. interior[2 h][2 w]; nucleus[2 h][2 w]: of interior and boundary together. NaN where a
/// logit is NaN. are_finite: whether all probabilities are.
ck_status ck_pixel_probabilities(float *interior, float *nucleus, bool *are_finite, const float *logits, int64_t h,
                                 int64_t w);

#ifdef __cplusplus
}
#endif

#endif
