#pragma once
#include <math.h>

#include "CKernels.h"

// The activations as the references compute them.
static inline double activated(double x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return x;
  case CKActivationQuickGELU: return x / (1 + exp(-1.702 * x));
  case CKActivationGELU: return x * 0.5 * erfc(-x * 0.70710678118654752);
  case CKActivationTanhGELU:
    return x / (1 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  case CKActivationReLU: return x <= 0 ? 0 : x;
  case CKActivationSiLU: return x / (1 + exp(-x));
  case CKActivationSigmoid: return 1 / (1 + exp(-x));
  case CKActivationTanh: break;
  }
  return tanh(x);
}
