#pragma once
#include "panels_neon.h"

// Rows of bfloat16 times rows of weights on NEON.

#if defined(__aarch64__)

// -- Without instructions for bfloat16: floats, which the weights become when they are packed.
NEON_INLINE float32x4_t floats_of(uint16x4_t halves) {
  return vreinterpretq_f32_u32(vshll_n_u16(halves, 16));
}

#define NAME(name) name##_halves
#define TARGET
#define Sum float
#define Sums float32x4_t
#define Operands float32x4_t
#define TAKEN 8
#define OPERANDS(from, left) floats_of(vreinterpret_u16_u8(load_8(from, left)))
#define MULTIPLY_ADD(sums, a, w, word) vfmaq_laneq_f32(sums, w, a, word)
#include "rows_neon.h"

// [steps of 4, 4 groups, 4 floats, 4 rows of the group].
static void pack_halves(void *panel, const uint16_t *w, size_t n, size_t k) {
  for (size_t j = 0; j < SIDE; j += 4) {
    float *to = (float *)panel + 4 * j;
    for (size_t i = 0; i < k; i += 4, to += 4 * SIDE) {
      float32x4x4_t rows = {{{0}}};
      for (size_t r = 0; r < 4; r++)
        if (j + r < n) rows.val[r] = floats_of(vld1_u16(w + (j + r) * k + i));
      vst4q_f32(to, rows);
    }
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

static void dot_rows_bf16_sides(float *sums, size_t sums_stride, const uint16_t *a,
                                size_t a_stride, const uint16_t *w, size_t m, size_t n, size_t k,
                                CKPanel panel, bool bf16) {
  const size_t sides = neon_sides(n);
  const float zeros[SIDE] = {0};
  for (size_t side = 0; side < sides; side++, w += SIDE * k, sums += SIDE) {
    const size_t left = n - side * SIDE, columns = left < SIDE ? left : SIDE;
    const CKPanel part = neon_side(panel, side, sides);
    if (bf16) {
      pack_pairs(part.scratch, w, columns, 2 * k);
      multiply_side_bf16(sums, sums_stride, a, 2 * a_stride, part, m, columns, 2 * k);
    } else {
      pack_halves(part.scratch, w, columns, k);
      multiply_side_halves(sums, sums_stride, a, 2 * a_stride, part, zeros, m, columns, 2 * k);
    }
  }
}
#endif
