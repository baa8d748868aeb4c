#include "elementwise/ck_softmax.h"

/// Number of classes of a pixel.
enum { CLASSES = 3 };

/// Pixels side by side with the probabilities of their classes.
typedef struct probabilities {
    int64_t count;
    ck_softmax_sums sums;
    float p[CLASSES][CK_SOFTMAX_COUNT];
} probabilities;

/// The probabilities of the pixels from `start` on, at most as many as fit. `logits` points to the logits of class 0;
/// those of the other classes follow at a distance of `plane`.
static void read_probabilities(probabilities *q, const ck_softmax *softmax, const float *logits, int64_t plane,
                               int64_t start) {
    q->count = ck_min(plane - start, CK_SOFTMAX_COUNT);
    softmax->sum(&q->sums, logits + start, CLASSES, plane, q->count);
    for (int c = 0; c < CLASSES; c++)
        softmax->probabilities(q->p[c], &q->sums, logits + c * plane + start, q->count);
}

static ck_status check(const ck_pixel_loss *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->n < 1 || d->plane < 1 || d->top < 1 || d->top > d->plane)
        return CK_BAD_DIMENSION;
    for (int c = 0; c < CLASSES; c++)
        if (!(d->class_weights[c] >= 0) || isinf(d->class_weights[c]))
            return CK_BAD_PARAMETER;
    const float weights[] = {d->dice_weight, d->any_weight, d->absent_weight};
    for (int i = 0; i < 3; i++)
        if (!(weights[i] >= 0) || isinf(weights[i]))
            return CK_BAD_PARAMETER;
    return CK_OK;
}

static ck_status check_truth(const ck_pixel_loss *d, const uint8_t *classes, const ck_pixel_truth *truth) {
    for (int64_t n = 0; n < d->n; n++) {
        if (truth[n] != CK_TRUTH_NONE && truth[n] != CK_TRUTH_CLASSES && truth[n] != CK_TRUTH_ANY &&
            truth[n] != CK_TRUTH_ABSENT)
            return CK_BAD_TARGET;
        if (truth[n] != CK_TRUTH_CLASSES)
            continue;
        const uint8_t *map = classes + n * d->plane;
        bool valid = true;
        for (int64_t i = 0; i < d->plane; i++)
            valid &= map[i] < CLASSES || map[i] == CK_PIXEL_IGNORED;
        if (!valid)
            return CK_BAD_TARGET;
    }
    return CK_OK;
}

/// The `rank`-th largest of some numbers, from 1, whose order changes.
static float select_largest(float *values, int64_t count, int64_t rank) {
    int64_t low = 0, high = count - 1, target = rank - 1;
    while (low < high) {
        float pivot = values[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i > j)
                break;
            float swapped = values[i];
            values[i++] = values[j];
            values[j--] = swapped;
        }
        if (target <= j)
            high = j;
        else if (target >= i)
            low = i;
        else
            break;
    }
    return values[target];
}

/// Score of a sample, and the limit of its `top` largest nucleus probabilities: all above it belong to them, and the
/// first `equal` of those that equal it.
typedef struct top_mean {
    double score;
    float limit;
    int64_t equal;
} top_mean;

/// Writes the probability of a nucleus, inside or at the boundary, of each pixel to `values`. Returns whether all are
/// numbers.
static bool write_probabilities(float *values, const ck_softmax *softmax, const float *logits, int64_t plane) {
    bool ordered = true;
    probabilities q;
    for (int64_t start = 0; start < plane; start += q.count) {
        read_probabilities(&q, softmax, logits, plane, start);
        for (int64_t i = 0; i < q.count; i++) {
            values[start + i] = 1 - q.p[0][i];
            ordered &= q.p[0][i] == q.p[0][i];
        }
    }
    return ordered;
}

/// The mean of probabilities, whose order changes. `ordered` says whether all are numbers.
static top_mean mean_of_top(float *values, bool ordered, int64_t plane, int64_t top) {
    if (!ordered)
        return (top_mean){NAN, NAN, 0};
    top_mean result = {0, 0, top};
    result.limit = select_largest(values, plane, top);
    double sum = 0;
    for (int64_t i = 0; i < top; i++) {
        sum += values[i];
        result.equal -= values[i] > result.limit;
    }
    result.score = sum / (double)top;
    return result;
}

size_t ck_pixel_scores_scratch(int64_t n, int64_t plane) {
    return n < 1 || plane < 1 ? 0 : (size_t)(n * plane);
}

ck_status ck_pixel_scores(float *scores, const float *logits, const float *density, float least_density, int64_t n,
                          int64_t plane, int64_t top, float *scratch, size_t scratch_count) {
    if (!scores || !logits || !scratch)
        return CK_NULL_POINTER;
    if (n < 1 || plane < 1 || top < 1 || top > plane)
        return CK_BAD_DIMENSION;
    if (scratch_count < ck_pixel_scores_scratch(n, plane))
        return CK_SCRATCH_TOO_SMALL;
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t sample = 0; sample < n; sample++) {
        float *values = scratch + sample * plane;
        bool ordered = write_probabilities(values, softmax, logits + sample * CLASSES * plane, plane);
        for (int64_t i = 0; i < plane && density; i++)
            values[i] = density[sample * plane + i] < least_density ? 0 : values[i];
        scores[sample] = (float)mean_of_top(values, ordered, plane, top).score;
    }
    return CK_OK;
}

/// Smallest number whose logarithm is taken.
static const double least_score = 1e-6;

/// Weight of the score of a sample in the loss.
static inline double score_weight(ck_pixel_truth truth, const ck_pixel_loss *d) {
    return truth == CK_TRUTH_ANY ? d->any_weight : truth == CK_TRUTH_ABSENT ? d->absent_weight : 0;
}

/// The probability that the score gives the truth.
static inline double probability_of_truth(double score, ck_pixel_truth truth) {
    return truth == CK_TRUTH_ANY ? score : 1 - score;
}

/// The class of each pixel of a sample.
static inline int class_of(const uint8_t *classes, int64_t pixel, ck_pixel_truth truth) {
    return truth == CK_TRUTH_ABSENT ? CK_PIXEL_BACKGROUND : classes[pixel];
}

static inline void add_overlap(ck_overlap *overlap, double p, bool is_inside) {
    overlap->predicted += p;
    overlap->inside += is_inside;
    overlap->common += is_inside ? p : 0;
}

static void add(ck_overlap *overlap, const ck_overlap *other) {
    overlap->predicted += other->predicted;
    overlap->inside += other->inside;
    overlap->common += other->common;
}

static double dice(const ck_overlap *overlap) {
    return (2 * overlap->common + 1) / (overlap->predicted + overlap->inside + 1);
}

/// The sums of one sample.
static ck_pixel_sums sums_of(const ck_softmax *softmax, const float *logits, const uint8_t *classes,
                             ck_pixel_truth truth, const ck_pixel_loss *d, float *scratch) {
    ck_pixel_sums sums = {0};
    double factor = score_weight(truth, d);
    if (factor > 0) {
        bool ordered = write_probabilities(scratch, softmax, logits, d->plane);
        double p = probability_of_truth(mean_of_top(scratch, ordered, d->plane, d->top).score, truth);
        sums.score = -factor * log(p < least_score ? least_score : p);
        sums.score_count = 1;
    }
    if (truth != CK_TRUTH_CLASSES && truth != CK_TRUTH_ABSENT)
        return sums;
    probabilities q;
    for (int64_t start = 0; start < d->plane; start += q.count) {
        read_probabilities(&q, softmax, logits, d->plane, start);
        for (int64_t i = 0; i < q.count; i++) {
            int class = class_of(classes, start + i, truth);
            if (class == CK_PIXEL_IGNORED)
                continue;
            double weight = d->class_weights[class];
            float below = q.sums.largest[i] - logits[class * d->plane + start + i];
            sums.cross_entropy += weight * ((double)below + (double)q.sums.log[i]);
            sums.weight += weight;
            add_overlap(&sums.interior, q.p[1][i], class == CK_PIXEL_INTERIOR);
            add_overlap(&sums.nuclei, 1 - (double)q.p[0][i], class != CK_PIXEL_BACKGROUND);
        }
    }
    return sums;
}

ck_status ck_pixel_loss_forward(ck_pixel_sums *sums, const float *logits, const uint8_t *classes,
                                const ck_pixel_truth *truth, const ck_pixel_loss *d, float *scratch,
                                size_t scratch_count) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!sums || !logits || !classes || !truth || !scratch)
        return CK_NULL_POINTER;
    if (scratch_count < ck_pixel_scores_scratch(d->n, d->plane))
        return CK_SCRATCH_TOO_SMALL;
    status = check_truth(d, classes, truth);
    if (status != CK_OK)
        return status;
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        sums[n] = sums_of(softmax, logits + n * CLASSES * d->plane, classes + n * d->plane, truth[n], d,
                          scratch + n * d->plane);
    for (int64_t n = 1; n < d->n; n++) {
        sums->cross_entropy += sums[n].cross_entropy;
        sums->weight += sums[n].weight;
        add(&sums->interior, &sums[n].interior);
        add(&sums->nuclei, &sums[n].nuclei);
        sums->score += sums[n].score;
        sums->score_count += sums[n].score_count;
    }
    sums->loss = 0;
    if (sums->weight > 0)
        sums->loss += sums->cross_entropy / sums->weight +
                      d->dice_weight * (1 - (dice(&sums->interior) + dice(&sums->nuclei)) / 2);
    if (sums->score_count > 0)
        sums->loss += sums->score / sums->score_count;
    return CK_OK;
}

/// Adds to the gradient with respect to the logits of pixel i: `factor` times that of the probability of a class.
static inline void add_probability_gradient(float *gradient, const probabilities *q, int64_t i, int class,
                                            double factor) {
    for (int c = 0; c < CLASSES; c++)
        gradient[c] += (float)(factor * q->p[class][i] * ((c == class) - (double)q->p[c][i]));
}

/// Derivatives of the term of Dice with respect to a probability, of pixels inside and outside.
typedef struct dice_slopes {
    double inside, outside;
} dice_slopes;

static dice_slopes slopes(const ck_overlap *overlap, double weight) {
    double size = overlap->predicted + overlap->inside + 1;
    double outside = weight * (2 * overlap->common + 1) / (size * size);
    return (dice_slopes){outside - 2 * weight / size, outside};
}

static void backward_of_classes(float *glogits, const ck_softmax *softmax, const float *logits, const uint8_t *classes,
                                ck_pixel_truth truth, const ck_pixel_sums *sums, const ck_pixel_loss *d) {
    dice_slopes interior = slopes(&sums->interior, d->dice_weight / 2);
    dice_slopes nuclei = slopes(&sums->nuclei, d->dice_weight / 2);
    probabilities q;
    for (int64_t start = 0; start < d->plane; start += q.count) {
        read_probabilities(&q, softmax, logits, d->plane, start);
        for (int64_t i = 0; i < q.count; i++) {
            float gradient[CLASSES] = {0};
            int class = class_of(classes, start + i, truth);
            if (class != CK_PIXEL_IGNORED && sums->weight > 0) {
                double weight = d->class_weights[class] / sums->weight;
                for (int c = 0; c < CLASSES; c++)
                    gradient[c] = (float)(weight * ((double)q.p[c][i] - (c == class)));
                bool is_interior = class == CK_PIXEL_INTERIOR, is_background = class == CK_PIXEL_BACKGROUND;
                add_probability_gradient(gradient, &q, i, 1, is_interior ? interior.inside : interior.outside);
                // The probability of a nucleus is 1 - p[0].
                add_probability_gradient(gradient, &q, i, 0, is_background ? -nuclei.outside : -nuclei.inside);
            }
            for (int c = 0; c < CLASSES; c++)
                glogits[c * d->plane + start + i] = gradient[c];
        }
    }
}

/// Adds the gradient of the term of the score.
static void add_score_gradient(float *glogits, const ck_softmax *softmax, const float *logits, ck_pixel_truth truth,
                               const ck_pixel_sums *sums, const ck_pixel_loss *d, float *scratch) {
    bool ordered = write_probabilities(scratch, softmax, logits, d->plane);
    top_mean best = mean_of_top(scratch, ordered, d->plane, d->top);
    double p = probability_of_truth(best.score, truth);
    // The loss is constant below the smallest probability.
    if (p <= least_score)
        return;
    // The probability of a nucleus is 1 - p[0], and the loss falls as that of the truth grows.
    double factor =
        score_weight(truth, d) / (sums->score_count * p * (double)d->top) * (truth == CK_TRUTH_ANY ? 1 : -1);
    int64_t equal = best.equal;
    probabilities q;
    for (int64_t start = 0; start < d->plane; start += q.count) {
        read_probabilities(&q, softmax, logits, d->plane, start);
        for (int64_t i = 0; i < q.count; i++) {
            float nucleus = 1 - q.p[0][i];
            bool is_equal = nucleus == best.limit;
            if (!(nucleus > best.limit || (is_equal && equal > 0)))
                continue;
            equal -= is_equal;
            float gradient[CLASSES] = {0};
            add_probability_gradient(gradient, &q, i, 0, factor);
            for (int c = 0; c < CLASSES; c++)
                glogits[c * d->plane + start + i] += gradient[c];
        }
    }
}

ck_status ck_pixel_loss_backward(float *glogits, const ck_pixel_sums *sums, const float *logits, const uint8_t *classes,
                                 const ck_pixel_truth *truth, const ck_pixel_loss *d, float *scratch,
                                 size_t scratch_count) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!glogits || !sums || !logits || !classes || !truth || !scratch)
        return CK_NULL_POINTER;
    if (scratch_count < ck_pixel_scores_scratch(d->n, d->plane))
        return CK_SCRATCH_TOO_SMALL;
    status = check_truth(d, classes, truth);
    if (status != CK_OK)
        return status;
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        float *gradient = glogits + n * CLASSES * d->plane;
        const float *row = logits + n * CLASSES * d->plane;
        if (truth[n] == CK_TRUTH_CLASSES || truth[n] == CK_TRUTH_ABSENT)
            backward_of_classes(gradient, softmax, row, classes + n * d->plane, truth[n], sums, d);
        else
            memset(gradient, 0, sizeof(float) * (size_t)(CLASSES * d->plane));
        if (score_weight(truth[n], d) > 0)
            add_score_gradient(gradient, softmax, row, truth[n], sums, d, scratch + n * d->plane);
    }
    return CK_OK;
}
