#include "CKernels.h"
#include "multiversion.h"

// Fused multiply-add stays off: a code must not depend on the processor that chose it.
#pragma STDC FP_CONTRACT OFF

BODY uint32_t peak_body(const float *x, size_t count) {
  uint32_t peak = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffff;
    peak = bits > peak ? bits : peak;
  }
  return peak;
}
MULTIVERSION(uint32_t, peak, (const float *x, size_t count), (x, count))

uint32_t ck_peak_bits(const float *x, size_t count, CKInstructionSet isa) {
  return peak_for(isa)(x, count);
}

BODY void quantise_body(const float *x, float inverse, int8_t *codes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value;
    __builtin_memcpy(&value, x + i, sizeof value);
    float code = value * inverse;
    code = code > 127.0f ? 127.0f : code;
    code = code < -127.0f ? -127.0f : code;
    // At 1.5·2²³ a float's last bit is worth one: adding it rounds to a whole number, ties to even.
    codes[i] = (int8_t)((code + 0x1.8p23f) - 0x1.8p23f);
  }
}
MULTIVERSION(void, quantise, (const float *x, float inverse, int8_t *codes, size_t count),
         (x, inverse, codes, count))

void ck_quantise_i8(const float *x, float inverse, int8_t *codes, size_t count,
                    CKInstructionSet isa) {
  quantise_for(isa)(x, inverse, codes, count);
}

BODY void quantise16_body(const float *x, float inverse, uint8_t *codes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value;
    __builtin_memcpy(&value, x + i, sizeof value);
    float code = value * inverse;
    code = code > 32767.0f ? 32767.0f : code;
    code = code < -32767.0f ? -32767.0f : code;
    int16_t whole = (int16_t)((code + 0x1.8p23f) - 0x1.8p23f);
    __builtin_memcpy(codes + 2 * i, &whole, sizeof whole);
  }
}
MULTIVERSION(void, quantise16, (const float *x, float inverse, uint8_t *codes, size_t count),
         (x, inverse, codes, count))

void ck_quantise_i16(const float *x, float inverse, void *codes, size_t count,
                     CKInstructionSet isa) {
  quantise16_for(isa)(x, inverse, codes, count);
}

BODY void widen16_body(float *out, const uint8_t *codes, float step, size_t count) {
  for (size_t i = 0; i < count; i++) {
    int16_t code;
    __builtin_memcpy(&code, codes + 2 * i, sizeof code);
    out[i] = (float)code * step;
  }
}
MULTIVERSION(void, widen16, (float *out, const uint8_t *codes, float step, size_t count),
         (out, codes, step, count))

void ck_i16_to_f32(float *out, const void *codes, float step, size_t count, CKInstructionSet isa) {
  widen16_for(isa)(out, codes, step, count);
}

typedef float Floats __attribute__((vector_size(32)));
typedef double Doubles __attribute__((vector_size(64)));
typedef int8_t Codes __attribute__((vector_size(8)));

// Adds 8 squares, each to its lane. A compiler left to find the lanes by itself does not.
BODY void add_squares(Doubles *errors, Doubles *powers, const float *x, const int8_t *codes,
                      float step) {
  Floats value;
  Codes code;
  __builtin_memcpy(&value, x, sizeof value);
  __builtin_memcpy(&code, codes, sizeof code);
  Doubles exact = __builtin_convertvector(value, Doubles);
  Floats coded = __builtin_convertvector(code, Floats) * step;
  Doubles difference = exact - __builtin_convertvector(coded, Doubles);
  *errors += difference * difference;
  *powers += exact * exact;
}

BODY void error_body(
    const float *x, const int8_t *codes, float step, size_t count, double sums[2]) {
  Doubles errors = {0}, powers = {0};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) add_squares(&errors, &powers, x + i, codes + i, step);
  // Zeros behind the end add nothing.
  float values[8] = {0};
  int8_t rest[8] = {0};
  __builtin_memcpy(values, x + i, (count - i) * sizeof *x);
  __builtin_memcpy(rest, codes + i, count - i);
  add_squares(&errors, &powers, values, rest, step);
  sums[0] = sums[1] = 0;
  for (int lane = 0; lane < 8; lane++) {
    sums[0] += errors[lane];
    sums[1] += powers[lane];
  }
}
MULTIVERSION(void, error,
         (const float *x, const int8_t *codes, float step, size_t count, double sums[2]),
         (x, codes, step, count, sums))

void ck_grid_error(const float *x, const int8_t *codes, float step, size_t count, double *error,
                   double *power, CKInstructionSet isa) {
  double sums[2];
  error_for(isa)(x, codes, step, count, sums);
  *error = sums[0];
  *power = sums[1];
}
