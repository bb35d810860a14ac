#pragma once
#include <math.h>

#include "CKernels.h"

// The activations as the references compute them.
static inline double activated(double x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return x;
  case CKActivationQuickGELU: return x / (1 + exp(-1.702 * x));
  case CKActivationGELU: break;
  }
  return x * 0.5 * erfc(-x * 0.70710678118654752);
}
