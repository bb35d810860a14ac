#pragma once
#include "arm.h"
#include "panels_neon.h"

// Rows of bfloat16 times weights on NEON.

#if defined(__aarch64__)

// -- Without instructions for bfloat16: floats, which the weights become when they are packed.
NEON_INLINE float32x4_t floats_of(const void *halves) {
  uint16x4_t v;
  memcpy(&v, halves, sizeof v);
  return vreinterpretq_f32_u32(vshll_n_u16(v, 16));
}

#define NAME(name) name##_halves
#define TARGET
#define Sum float
#define Sums float32x4_t
#define Operands float32x4_t
#define PITCH (4 * SIDE)
#define TAKEN 2
#define OPERANDS(from, words) floats_of(from)  // all are multiples of 4
#define MULTIPLY_ADD(sums, a, w, word) vfmaq_laneq_f32(sums, w, a, word)
#include "rows_neon.h"

// [k, 16] floats.
static void pack_halves(float *side, const uint16_t *w, size_t n, size_t k) {
  for (size_t j = 0; j < SIDE; j += 4)
    for (size_t i = 0; i < k; i += 4) {
      float32x4_t v[4] = {{0}};
      for (size_t r = 0; r < 4; r++)
        if (j + r < n) v[r] = floats_of(w + (j + r) * k + i);
      const float32x4_t a = vzip1q_f32(v[0], v[2]), b = vzip1q_f32(v[1], v[3]);
      const float32x4_t c = vzip2q_f32(v[0], v[2]), d = vzip2q_f32(v[1], v[3]);
      float *to = side + i * SIDE + j;
      vst1q_f32(to, vzip1q_f32(a, b));
      vst1q_f32(to + SIDE, vzip2q_f32(a, b));
      vst1q_f32(to + 2 * SIDE, vzip1q_f32(c, d));
      vst1q_f32(to + 3 * SIDE, vzip2q_f32(c, d));
    }
}

// -- With bf16.
#define NAME(name) name##_bf16
#define TARGET __attribute__((target("arch=armv8.2-a+bf16")))
#define Sum float
#define Sums float32x4_t
#define MULTIPLY_ADD(sums, a, w) \
  vbfmmlaq_f32(sums, vreinterpretq_bf16_u8(a), vreinterpretq_bf16_u8(w))
#include "pairs_neon.h"

static void dot_bf16_neon(float *sums, size_t sums_stride, const uint16_t *a, size_t a_stride,
                          const uint16_t *w, size_t m, size_t n, size_t k, CKPanel panel,
                          CKInstructionSet isa) {
  const bool has_bf16 = isa == CKInstructionSetNEONI8MM && ck_arm_has(ArmBF16);
  const size_t sides = neon_sides(n), words = (k + 3) / 4;
  const float zeros[SIDE] = {0};
  for (size_t x = 0; x < sides; x++, sums += SIDE) {
    const size_t columns = neon_columns(n, x);
    const CKAhead part = neon_part(panel.ahead, x, sides);
    if (has_bf16) {
      pack_pairs(panel.scratch, w + SIDE * x * k, columns, 2 * k);
      multiply_side_bf16(sums, sums_stride, a, 2 * a_stride, panel.scratch, part, m, columns,
                         16 * ((words + 1) / 2), false);
    } else {
      pack_halves(panel.scratch, w + SIDE * x * k, columns, k);
      multiply_side_halves(sums, sums_stride, a, 2 * a_stride, panel.scratch, part, zeros, m,
                           columns, 4 * words);
    }
  }
}
#endif
