#ifndef LANES
#include <math.h>

#include "CKernels.h"

// See ck_reproducible.h: no product may be fused with a sum, in lanes.h either.
#pragma STDC FP_CONTRACT OFF

#define LANES 4
#define V(name) name##_scalar
#define KERNEL "reproducible_functions.c"
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V

#include "each_width.h"

void ck_reproducible_softmax(float *row, size_t count, float scale, CKInstructionSet isa) {
  if (count == 0) return;
  float top = row[0];
  for (size_t i = 1; i < count; i++)
    if (row[i] > top) top = row[i];
  for (size_t i = 0; i < count; i++) row[i] = (row[i] - top) * scale;
  DISPATCH(isa, exponentials_over_sum, row, count);
}

void ck_reproducible_activate(float *values, size_t count, CKActivation activation,
                              CKInstructionSet isa) {
  DISPATCH(isa, activate, values, count, activation);
}

void ck_reproducible_activation_gradient(float *gradient, const float *x, size_t count,
                                  CKActivation activation, CKInstructionSet isa) {
  DISPATCH(isa, activation_gradient, gradient, x, count, activation);
}

// log₂ x = e + 2 / ln 2 · artanh s with s = (m − 1) / (m + 1), x = m · 2ᵉ, √½ ≤ m < √2: then
// |s| ≤ 0.1716, and of the series Σ s²ⁱ⁺¹ / (2i + 1) what follows 11 terms is below 2⁻⁵⁶ of it.
double ck_reproducible_log2(double x) {
  if (!(x > 0) || isinf(x)) return x > 0 ? x : x == 0 ? -INFINITY : NAN;
  int exponent;
  double m = frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2;
    exponent--;
  }
  double s = (m - 1) / (m + 1), square = s * s, sum = 0;
  for (int i = 10; i >= 0; i--) sum = sum * square + 1.0 / (2 * i + 1);
  return exponent + s * sum * 2.8853900817779268;
}

#else

static void V(exponentials_over_sum)(float *row, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    V(store)(row + i, V(exp)(V(load)(row + i, count - i)), count - i);
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += row[i];
  for (size_t i = 0; i < count; i++) row[i] /= sum;
}

INLINE Floats V(sigmoid)(Floats x) { return 1.0f / (1.0f + V(exp)(-x)); }

// Φ, the area under the bell curve.
INLINE Floats V(area)(Floats x) { return 0.5f * (1.0f + V(erf)(x * 0.70710678118654752f)); }

// 2 · √(2/π)
#define TANH_GELU_SLOPE 1.5957691216057308f

INLINE Floats V(activation)(Floats x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return x;
  case CKActivationQuickGELU: return x * V(sigmoid)(x * 1.702f);
  case CKActivationGELU: return x * V(area)(x);
  case CKActivationTanhGELU: return x * V(sigmoid)(V(cubic)(x) * TANH_GELU_SLOPE);
  case CKActivationReLU: return V(select)(x <= 0.0f, V(splat)(0), x);
  case CKActivationSiLU: return x * V(sigmoid)(x);
  case CKActivationSigmoid: return V(sigmoid)(x);
  case CKActivationTanh: break;
  }
  return V(tanh)(x);
}

INLINE Floats V(derivative)(Floats x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return V(splat)(1);
  case CKActivationQuickGELU: {
    // (x · σ)′ = σ · (1 + 1.702 · x · (1 − σ)), σ = σ(1.702 x)
    Floats sigmoid = V(sigmoid)(x * 1.702f);
    return sigmoid * (1.0f + 1.702f * x * (1.0f - sigmoid));
  }
  // (x · Φ)′ = Φ + x · φ
  case CKActivationGELU:
    return V(area)(x) + x * V(exp)(-0.5f * x * x) * 0.39894228040143268f;
  case CKActivationTanhGELU: {
    // (x · σ(s))′ = σ + x · s′ · σ · (1 − σ); beyond 16 that is 0 or 1, and no power overflows.
    Floats near = V(select)(x > 16.0f, V(splat)(16), V(select)(x < -16.0f, V(splat)(-16), x));
    Floats sigmoid = V(sigmoid)(V(cubic)(near) * TANH_GELU_SLOPE);
    Floats slope = (1.0f + 0.134145f * near * near) * TANH_GELU_SLOPE;
    return sigmoid + near * slope * sigmoid * (1.0f - sigmoid);
  }
  case CKActivationReLU: return V(select)(x > 0.0f, V(splat)(1), V(splat)(0));
  case CKActivationSiLU: {
    Floats sigmoid = V(sigmoid)(x);
    return sigmoid * (1.0f + x * (1.0f - sigmoid));
  }
  case CKActivationSigmoid: {
    Floats sigmoid = V(sigmoid)(x);
    return sigmoid * (1.0f - sigmoid);
  }
  case CKActivationTanh: break;
  }
  Floats y = V(tanh)(x);
  return 1.0f - y * y;
}

static void V(activate)(float *values, size_t count, CKActivation activation) {
  for (size_t i = 0; i < count; i += LANES)
    V(store)(
        values + i, V(activation)(V(load)(values + i, count - i), activation), count - i);
}

static void V(activation_gradient)(float *gradient, const float *x, size_t count,
                                         CKActivation activation) {
  for (size_t i = 0; i < count; i += LANES) {
    Floats slope = V(derivative)(V(load)(x + i, count - i), activation);
    V(store)(gradient + i, V(load)(gradient + i, count - i) * slope, count - i);
  }
}

#endif
