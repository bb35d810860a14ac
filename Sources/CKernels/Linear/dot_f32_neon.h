#pragma once
#include "panels_neon.h"

// Rows of floats times weights on NEON.

#if defined(__aarch64__)
#define NAME(name) name##_floats
#define TARGET
#define Sum float
#define Sums float32x4_t
#define Operands float32x4_t
#define PITCH (4 * SIDE)
#define TAKEN 4
#define OPERANDS(from, words) vreinterpretq_f32_u8(load_16(from, 4 * (words)))
#define MULTIPLY_ADD(sums, a, w, word) vfmaq_laneq_f32(sums, w, a, word)
#include "rows_neon.h"

// The weights are rows w of k, or a panel of codes of k columns.
static void dot_f32_neon(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                         const float *w, const int8_t *codes, size_t m, size_t n, size_t k,
                         CKPanel panel) {
  const size_t sides = neon_sides(n);
  const float zeros[SIDE] = {0};
  for (size_t x = 0; x < sides; x++, sums += SIDE) {
    const size_t columns = neon_columns(n, x);
    if (codes) widen_words(panel.scratch, codes + 4 * SIDE * x, (k + 3) / 4);
    else pack_words(panel.scratch, SIDE, w + SIDE * x * k, columns, 4 * k);
    multiply_side_floats(sums, sums_stride, a, 4 * a_stride, panel.scratch,
                         neon_part(panel.ahead, x, sides), zeros, m, columns, k);
  }
}
#endif
