#include "CKernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

void ck_add_scaled_f32(float *out, const float *in, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] += factor * in[i];
}

void ck_feedback_round(const float *targets, const float *inverses, size_t count, int8_t *codes) {
  for (size_t i = 0; i < count; i++) {
    float code = rintf(targets[i] * inverses[i]);
    codes[i] = (int8_t)(code > 127 ? 127 : code < -127 ? -127 : code);
  }
}

void ck_feedback_errors(const float *values, const int8_t *codes, const float *steps, size_t count,
                        float *errors) {
  for (size_t i = 0; i < count; i++) errors[i] = values[i] - (float)codes[i] * steps[i];
}
