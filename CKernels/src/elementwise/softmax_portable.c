/// Softmax for any processor.
#include "elementwise/softmax.h"

const ck_softmax ck_softmax_portable = {sum, probabilities};
