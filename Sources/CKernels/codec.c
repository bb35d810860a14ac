#include "CKernels.h"

// One body a kernel, which the compiler vectorises anew for each instruction set. Fused
// multiply-add stays off everywhere: a code must not depend on the processor that chose it.
#pragma STDC FP_CONTRACT OFF

#define BODY static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c")))
#define DISPATCH(result, name, parameters, arguments)                 \
  AVX2 static result name##_avx2 parameters { return name##_body arguments; }     \
  AVX512 static result name##_avx512 parameters { return name##_body arguments; } \
  static result name##_scalar parameters { return name##_body arguments; }        \
  typedef result (*name##_kernel) parameters;                                     \
  static name##_kernel name##_for(CKInstructionSet isa) {                         \
    switch (isa) {                                                                \
    case CKInstructionSetScalar: return name##_scalar;                            \
    case CKInstructionSetAVXVNNI:                                                 \
    case CKInstructionSetAVX2: return name##_avx2;                                \
    default: return name##_avx512;                                                \
    }                                                                             \
  }
// NEON is part of every processor that this is compiled for: the scalar version uses it.
#else
#define DISPATCH(result, name, parameters, arguments)                      \
  typedef result (*name##_kernel) parameters;                              \
  static result name##_scalar parameters { return name##_body arguments; } \
  static name##_kernel name##_for(CKInstructionSet isa) {                  \
    (void)isa;                                                             \
    return name##_scalar;                                                  \
  }
#endif

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

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
DISPATCH(uint32_t, peak, (const float *x, size_t count), (x, count))

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
DISPATCH(void, quantise, (const float *x, float inverse, int8_t *codes, size_t count),
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
DISPATCH(void, quantise16, (const float *x, float inverse, uint8_t *codes, size_t count),
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
DISPATCH(void, widen16, (float *out, const uint8_t *codes, float step, size_t count),
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

BODY void error_body(const float *x, const int8_t *codes, float step, size_t count, double sums[2]) {
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
DISPATCH(void, error,
         (const float *x, const int8_t *codes, float step, size_t count, double sums[2]),
         (x, codes, step, count, sums))

void ck_grid_error(const float *x, const int8_t *codes, float step, size_t count, double *error,
                   double *power, CKInstructionSet isa) {
  double sums[2];
  error_for(isa)(x, codes, step, count, sums);
  *error = sums[0];
  *power = sums[1];
}

// IEEE 754 binary32 to binary16 by integers alone, ties to even; a NaN keeps its upper bits.
BODY uint16_t half_of(uint32_t bits) {
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // Adding 0.5 aligns a subnormal half's last bit with the float's: the sum rounds as it must.
    float value, half = 0.5f;
    __builtin_memcpy(&value, &magnitude, sizeof value);
    return (uint16_t)(sign | (bits_of(value + half) - bits_of(half)));
  }
  uint32_t odd = magnitude >> 13 & 1;
  return (uint16_t)(sign | ((magnitude + 0xc8000fff + odd) >> 13));
}

BODY uint32_t float_of(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
  uint32_t normal = (magnitude << 13) + 0x38000000;
  // A subnormal is a whole number of 2⁻²⁴.
  uint32_t subnormal = bits_of((float)magnitude * 0x1p-24f);
  uint32_t special = magnitude << 13 | 0x7f800000;
  uint32_t result = magnitude < 0x400 ? subnormal : magnitude >= 0x7c00 ? special : normal;
  return sign | result;
}

BODY size_t f16_body(const float *x, uint16_t *halves, size_t count) {
  size_t inexact = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    uint16_t half = half_of(bits);
    halves[i] = half;
    inexact += float_of(half) != bits || (bits & 0x7fffffff) > 0x7f800000;
  }
  return inexact;
}
DISPATCH(size_t, f16, (const float *x, uint16_t *halves, size_t count), (x, halves, count))

size_t ck_f32_to_f16_exact(const float *x, uint16_t *halves, size_t count, CKInstructionSet isa) {
  return f16_for(isa)(x, halves, count);
}

BODY size_t bf16_body(const float *x, uint16_t *halves, size_t count) {
  size_t inexact = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    halves[i] = (uint16_t)(bits >> 16);
    inexact += (bits & 0xffff) != 0;
  }
  return inexact;
}
DISPATCH(size_t, bf16, (const float *x, uint16_t *halves, size_t count), (x, halves, count))

size_t ck_f32_to_bf16_exact(const float *x, uint16_t *halves, size_t count,
                            CKInstructionSet isa) {
  return bf16_for(isa)(x, halves, count);
}

BODY void split16_body(const void *x, uint8_t *planes, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint16_t value;
    __builtin_memcpy(&value, (const char *)x + 2 * i, sizeof value);
    value = rotate ? (uint16_t)(value << 1 | value >> 15) : value;
    planes[i] = (uint8_t)(value >> 8);
    planes[count + i] = (uint8_t)value;
  }
}
DISPATCH(void, split16, (const void *x, uint8_t *planes, size_t count, bool rotate),
         (x, planes, count, rotate))

BODY void merge16_body(const uint8_t *planes, void *x, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint16_t value = (uint16_t)(planes[i] << 8 | planes[count + i]);
    value = rotate ? (uint16_t)(value >> 1 | value << 15) : value;
    __builtin_memcpy((char *)x + 2 * i, &value, sizeof value);
  }
}
DISPATCH(void, merge16, (const uint8_t *planes, void *x, size_t count, bool rotate),
         (planes, x, count, rotate))

BODY void split32_body(const void *x, uint8_t *planes, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value;
    __builtin_memcpy(&value, (const char *)x + 4 * i, sizeof value);
    value = rotate ? value << 1 | value >> 31 : value;
    planes[i] = (uint8_t)(value >> 24);
    planes[count + i] = (uint8_t)(value >> 16);
    planes[2 * count + i] = (uint8_t)(value >> 8);
    planes[3 * count + i] = (uint8_t)value;
  }
}
DISPATCH(void, split32, (const void *x, uint8_t *planes, size_t count, bool rotate),
         (x, planes, count, rotate))

BODY void merge32_body(const uint8_t *planes, void *x, size_t count, bool rotate) {
  for (size_t i = 0; i < count; i++) {
    uint32_t value = (uint32_t)planes[i] << 24 | (uint32_t)planes[count + i] << 16 |
                     (uint32_t)planes[2 * count + i] << 8 | planes[3 * count + i];
    value = rotate ? value >> 1 | value << 31 : value;
    __builtin_memcpy((char *)x + 4 * i, &value, sizeof value);
  }
}
DISPATCH(void, merge32, (const uint8_t *planes, void *x, size_t count, bool rotate),
         (planes, x, count, rotate))

void ck_split_planes_16(const void *x, uint8_t *planes, size_t count, bool rotate,
                        CKInstructionSet isa) {
  split16_for(isa)(x, planes, count, rotate);
}
void ck_merge_planes_16(const uint8_t *planes, void *x, size_t count, bool rotate,
                        CKInstructionSet isa) {
  merge16_for(isa)(planes, x, count, rotate);
}
void ck_split_planes_32(const void *x, uint8_t *planes, size_t count, bool rotate,
                        CKInstructionSet isa) {
  split32_for(isa)(x, planes, count, rotate);
}
void ck_merge_planes_32(const uint8_t *planes, void *x, size_t count, bool rotate,
                        CKInstructionSet isa) {
  merge32_for(isa)(planes, x, count, rotate);
}
