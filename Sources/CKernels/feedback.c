#include "CKernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

void ck_add_scaled_f32(float *out, const float *in, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] += factor * in[i];
}

void ck_feedback_round(const float *targets, const float *values, const float *steps, size_t count,
                       int8_t *codes, float *errors) {
  for (size_t i = 0; i < count; i++) {
    const float step = steps[i];
    float code = step > 0 ? rintf(targets[i] / step) : 0;
    code = code > 127 ? 127 : code < -127 ? -127 : code;
    codes[i] = (int8_t)code;
    errors[i] = values[i] - code * step;
  }
}
