#ifndef LANES
#include <string.h>

#include "CKernels.h"

static void f16_to_f32_scalar(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t h;
    memcpy(&h, (const char *)in + 2 * i, 2);
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, bits = h & 0x3ff;
    if (exponent == 31) {
      bits = 0x7f800000 | bits << 13;
    } else if (exponent > 0) {
      bits = (exponent + 112) << 23 | bits << 13;
    } else if (bits) {
      // A subnormal half is a normal float: shift up to the implicit bit.
      exponent = 113;
      for (; !(bits & 0x400); bits <<= 1) exponent--;
      bits = exponent << 23 | (bits & 0x3ff) << 13;
    }
    bits |= sign;
    memcpy(out + i, &bits, 4);
  }
}

static void bf16_to_f32_scalar(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint16_t h;
    memcpy(&h, (const char *)in + 2 * i, 2);
    uint32_t bits = (uint32_t)h << 16;
    memcpy(out + i, &bits, 4);
  }
}

// Divides by 2^shift, to nearest, ties to even; shift is 1 ... 31.
static uint32_t shifted(uint32_t bits, uint32_t shift) {
  uint32_t rest = bits & ((1u << shift) - 1), half = 1u << (shift - 1), quotient = bits >> shift;
  return quotient + (rest > half || (rest == half && (quotient & 1)));
}

static size_t f32_to_f16_scalar(void *out, const void *in, size_t count) {
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits, half;
    memcpy(&bits, (const char *)in + 4 * i, 4);
    uint32_t magnitude = bits & 0x7fffffff, exponent = magnitude >> 23;
    if (magnitude > 0x7f800000) {
      uint32_t payload = magnitude >> 13 & 0x3ff;
      half = 0x7c00 | (payload ? payload : 1);
    } else if (exponent >= 113) {
      half = exponent >= 143 ? 0x7c00 : shifted(magnitude - (112u << 23), 13);
      if (half == 0x7c00 && magnitude != 0x7f800000) overflows++;
    } else if (exponent >= 102) {
      half = shifted((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
    } else {
      half = 0;
    }
    uint16_t result = (uint16_t)(half | (bits >> 16 & 0x8000));
    memcpy((char *)out + 2 * i, &result, 2);
  }
  return overflows;
}

static size_t f32_to_bf16_scalar(void *out, const void *in, size_t count) {
  size_t overflows = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits, half;
    memcpy(&bits, (const char *)in + 4 * i, 4);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      uint32_t payload = magnitude >> 16 & 0x7f;
      half = 0x7f80 | (payload ? payload : 1);
    } else {
      half = shifted(magnitude, 16);
      if (half == 0x7f80 && magnitude != 0x7f800000) overflows++;
    }
    uint16_t result = (uint16_t)(half | (bits >> 16 & 0x8000));
    memcpy((char *)out + 2 * i, &result, 2);
  }
  return overflows;
}

static void i8_to_f32_scalar(float *out, const int8_t *codes, float step, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = (float)codes[i] * step;
}

#define KERNEL "half.c"
#include "each_width.h"

void ck_f16_to_f32(float *out, const void *in, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, f16_to_f32, out, in, count);
}

void ck_bf16_to_f32(float *out, const void *in, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, bf16_to_f32, out, in, count);
}

size_t ck_f32_to_f16(void *out, const void *in, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, f32_to_f16, out, in, count);
}

size_t ck_f32_to_bf16(void *out, const void *in, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, f32_to_bf16, out, in, count);
}

void ck_i8_to_f32(float *out, const int8_t *codes, float step, size_t count,
                  CKInstructionSet isa) {
  DISPATCH(isa, i8_to_f32, out, codes, step, count);
}

#else

INLINE Words V(load_halves)(const void *in, size_t i, size_t count) {
  Halves v = {0};
  const char *from = (const char *)in + 2 * i;
  if (count - i >= LANES) __builtin_memcpy(&v, from, sizeof v);
  else __builtin_memcpy(&v, from, 2 * (count - i));
  return __builtin_convertvector(v, Words);
}

INLINE void V(store_halves)(void *out, Words words, size_t i, size_t count) {
  Halves v = __builtin_convertvector(words, Halves);
  char *to = (char *)out + 2 * i;
  if (count - i >= LANES) __builtin_memcpy(to, &v, sizeof v);
  else __builtin_memcpy(to, &v, 2 * (count - i));
}

INLINE Words V(choose)(Ints mask, Words a, Words b) {
  return (a & (Words)mask) | (b & ~(Words)mask);
}

INLINE size_t V(total)(Words counts) {
  size_t total = 0;
  for (int i = 0; i < LANES; i++) total += counts[i];
  return total;
}

static void V(f16_to_f32)(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i += LANES) {
    Words h = V(load_halves)(in, i, count);
    Words exponent = h & 0x7c00, bits = (h & 0x7fff) << 13;
    Words normal = bits + (112u << 23), special = bits + (224u << 23);
    // 2⁻¹⁴·(1 + m/2¹⁰) − 2⁻¹⁴, exact; no operand of the subtraction is subnormal.
    Words small = (Words)((Floats)(bits + (113u << 23)) - 0x1p-14f);
    bits = V(choose)(exponent == 0, small, V(choose)(exponent == 0x7c00, special, normal));
    V(store)(out + i, (Floats)(bits | (h & 0x8000) << 16), count - i);
  }
}

static void V(bf16_to_f32)(float *out, const void *in, size_t count) {
  for (size_t i = 0; i < count; i += LANES)
    V(store)(out + i, (Floats)(V(load_halves)(in, i, count) << 16), count - i);
}

static size_t V(f32_to_f16)(void *out, const void *in, size_t count) {
  Words overflows = {0};
  for (size_t i = 0; i < count; i += LANES) {
    Words bits = (Words)V(load)((const char *)in + 4 * i, count - i);
    Words magnitude = bits & 0x7fffffff;
    Words normal = magnitude - (112u << 23);
    normal = (normal + 0xfff + (normal >> 13 & 1)) >> 13;
    normal = V(choose)(magnitude >= 0x47800000u, (Words){0} + 0x7c00, normal);
    // Beside ½ one unit in the last place is 2⁻²⁴, a half's smallest step: the addition rounds.
    Words small = (Words)((Floats)magnitude + 0.5f) - 0x3f000000u;
    Words payload = magnitude >> 13 & 0x3ff;
    Words nan = 0x7c00 | V(choose)(payload == 0, (Words){0} + 1, payload);
    Words half = V(choose)(magnitude < 0x38800000u, small, normal);
    overflows -= (Words)((half == 0x7c00) & (magnitude < 0x7f800000u));
    half = V(choose)(magnitude > 0x7f800000u, nan, half);
    V(store_halves)(out, half | (bits >> 16 & 0x8000), i, count);
  }
  return V(total)(overflows);
}

static size_t V(f32_to_bf16)(void *out, const void *in, size_t count) {
  Words overflows = {0};
  for (size_t i = 0; i < count; i += LANES) {
    Words bits = (Words)V(load)((const char *)in + 4 * i, count - i);
    Words magnitude = bits & 0x7fffffff;
    Words half = (magnitude + 0x7fff + (magnitude >> 16 & 1)) >> 16;
    overflows -= (Words)((half == 0x7f80) & (magnitude < 0x7f800000u));
    Words payload = magnitude >> 16 & 0x7f;
    Words nan = 0x7f80 | V(choose)(payload == 0, (Words){0} + 1, payload);
    half = V(choose)(magnitude > 0x7f800000u, nan, half);
    V(store_halves)(out, half | (bits >> 16 & 0x8000), i, count);
  }
  return V(total)(overflows);
}

static void V(i8_to_f32)(float *out, const int8_t *codes, float step, size_t count) {
  for (size_t i = 0; i < count; i += LANES) {
    size_t left = count - i;
    Bytes v = {0};
    if (left >= LANES) __builtin_memcpy(&v, codes + i, LANES);
    else __builtin_memcpy(&v, codes + i, left);
    V(store)(out + i, __builtin_convertvector(v, Floats) * step, left);
  }
}

#endif
