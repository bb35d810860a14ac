#ifndef LANES
#include "CKernels.h"

// One arithmetic for all processors: lanes.h.
#pragma STDC FP_CONTRACT OFF
#define FUSED

#define KERNEL "bias_activation.c"
#include "every_width.h"

void ck_bias_activation_f32(float *values, const float *bias, size_t rows, size_t width,
                            size_t stride, CKActivation activation, CKInstructionSet isa) {
  DISPATCH(isa, bias_activation, values, bias, rows, width, stride, activation);
}

void ck_add_f32(float *out, const float *in, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, add, out, in, count);
}

#else

INLINE void V(bias_activation_rows)(float *values, const float *bias, size_t rows, size_t width,
                                    size_t stride, CKActivation activation) {
  for (size_t r = 0; r < rows; r++, values += stride)
    for (size_t i = 0; i < width; i += LANES) {
      size_t left = width - i;
      Floats x = V(load)(values + i, left);
      if (bias) x += V(load)(bias + i, left);
      V(store)(values + i, V(activated)(x, activation), left);
    }
}

static void V(bias_activation)(float *values, const float *bias, size_t rows, size_t width,
                               size_t stride, CKActivation activation) {
#define ROWS(activation) V(bias_activation_rows)(values, bias, rows, width, stride, activation)
  switch (activation) {
  case CKActivationNone: return ROWS(CKActivationNone);
  case CKActivationQuickGELU: return ROWS(CKActivationQuickGELU);
  case CKActivationGELU: return ROWS(CKActivationGELU);
  case CKActivationTanhGELU: return ROWS(CKActivationTanhGELU);
  case CKActivationReLU: return ROWS(CKActivationReLU);
  case CKActivationSiLU: return ROWS(CKActivationSiLU);
  case CKActivationSigmoid: return ROWS(CKActivationSigmoid);
  case CKActivationTanh: return ROWS(CKActivationTanh);
  }
#undef ROWS
}

static void V(add)(float *out, const float *in, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    V(store)(out + i, V(load)(out + i, count - i) + V(load)(in + i, count - i), count - i);
}

#endif
