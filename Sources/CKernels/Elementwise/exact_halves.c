#include "CKernels.h"
#include "multiversion.h"

// Fused multiply-add stays off: the same halves on every processor.
#pragma STDC FP_CONTRACT OFF

static inline uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
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
MULTIVERSION(size_t, f16, (const float *x, uint16_t *halves, size_t count), (x, halves, count))

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
MULTIVERSION(size_t, bf16, (const float *x, uint16_t *halves, size_t count), (x, halves, count))

size_t ck_f32_to_bf16_exact(const float *x, uint16_t *halves, size_t count,
                            CKInstructionSet isa) {
  return bf16_for(isa)(x, halves, count);
}
