#include "multiversion.h"

#pragma STDC FP_CONTRACT OFF

// At 1.5·2²³ a float's last bit is worth one: adding it rounds to a whole number, ties to even.
static const float WHOLE = 0x1.8p23f;

BODY void add_scaled_body(float *out, const float *in, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] += factor * in[i];
}
MULTIVERSION(void, add_scaled, (float *out, const float *in, float factor, size_t count),
             (out, in, factor, count))

void ck_add_scaled_f32(float *out, const float *in, float factor, size_t count,
                       CKInstructionSet isa) {
  add_scaled_for(isa)(out, in, factor, count);
}

BODY void round_body(const float *targets, const float *inverses, size_t count, float limit,
                     int16_t *codes) {
  for (size_t i = 0; i < count; i++) {
    float code = targets[i] * inverses[i];
    code = code < limit ? code : limit;
    code = code > -limit ? code : -limit;
    codes[i] = (int16_t)((code + WHOLE) - WHOLE);
  }
}
MULTIVERSION(void, round,
             (const float *targets, const float *inverses, size_t count, float limit,
              int16_t *codes),
             (targets, inverses, count, limit, codes))

void ck_feedback_round(const float *targets, const float *inverses, size_t count, float limit,
                       int16_t *codes, CKInstructionSet isa) {
  round_for(isa)(targets, inverses, count, limit, codes);
}

BODY void errors_body(const float *values, const int16_t *codes, const float *steps, size_t count,
                      float *errors) {
  for (size_t i = 0; i < count; i++) errors[i] = values[i] - (float)codes[i] * steps[i];
}
MULTIVERSION(void, errors,
             (const float *values, const int16_t *codes, const float *steps, size_t count,
              float *errors),
             (values, codes, steps, count, errors))

void ck_feedback_errors(const float *values, const int16_t *codes, const float *steps, size_t count,
                        float *errors, CKInstructionSet isa) {
  errors_for(isa)(values, codes, steps, count, errors);
}
