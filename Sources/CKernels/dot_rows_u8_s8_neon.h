#pragma once
#include "panels_neon.h"

// Codes of rows times codes of weights on NEON.

#if defined(__aarch64__)

// -- The least that NEON has: 16-bit products by 32-bit sums, of codes widened when they are packed.
#define NAME(name) name##_bytes
#define TARGET
#define Sum int32_t
#define Sums int32x4_t
#define Operands int16x8_t
#define TAKEN 8
#define OPERANDS(from, left) vreinterpretq_s16_u16(vmovl_u8(load_8(from, left)))
#define MULTIPLY_ADD(sums, a, w, word)                                                   \
  vmlal_high_laneq_s16(vmlal_laneq_s16(sums, vget_low_s16(w), a, 2 * word), w, a, 2 * word + 1)
#include "rows_neon.h"

// [steps of 8, 4 groups, 8 codes, 4 rows of the group]: a word is 2 codes.
static void pack_bytes(void *panel, const int8_t *w, size_t n, size_t k) {
  for (size_t j = 0; j < SIDE; j += 4) {
    int16_t *to = (int16_t *)panel + 8 * j;
    for (size_t i = 0; i < k; i += 8, to += 8 * SIDE) {
      int16x8x4_t rows = {{{0}}};
      for (size_t r = 0; r < 4; r++)
        if (j + r < n) {
          uint8x8_t codes = load_8((const uint8_t *)w + (j + r) * k + i, k - i);
          rows.val[r] = vmovl_s8(vreinterpret_s8_u8(codes));
        }
      vst4q_s16(to, rows);
    }
  }
}

// -- With dotprod, whose codes are all signed: 128 is taken from those of rows, and 128 · row_sums is
// what sums begin with.
#define NAME(name) name##_dotprod
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define Sum int32_t
#define Sums int32x4_t
#define Operands int8x16_t
#define TAKEN 16
#define OPERANDS(from, left) vreinterpretq_s8_u8(veorq_u8(load_16(from, left), vdupq_n_u8(128)))
#define MULTIPLY_ADD(sums, a, w, word) vdotq_laneq_s32(sums, w, a, word)
#include "rows_neon.h"

// -- With i8mm.
#define NAME(name) name##_i8mm
#define TARGET __attribute__((target("arch=armv8.2-a+i8mm")))
#define Sum int32_t
#define Sums int32x4_t
#define MULTIPLY_ADD(sums, a, w) vusmmlaq_s32(sums, a, vreinterpretq_s8_u8(w))
#include "pairs_neon.h"

static void sum_rows(int32_t *row_sums, const int8_t *w, size_t n, size_t k) {
  for (size_t j = 0; j < n; j++, w += k) {
    int32x4_t sums = vdupq_n_s32(0);
    for (size_t i = 0; i < k; i += 16) {
      int8x16_t codes = vreinterpretq_s8_u8(load_16((const uint8_t *)w + i, k - i));
      sums = vpadalq_s16(sums, vpaddlq_s8(codes));
    }
    row_sums[j] = vaddvq_s32(sums);
  }
}

static void dot_rows_neon(int32_t *sums, size_t sums_stride, int32_t *row_sums, const uint8_t *a,
                          size_t a_stride, const int8_t *w, size_t m, size_t n, size_t k,
                          CKPanel panel, CKInstructionSet isa) {
  const size_t sides = neon_sides(n);
  sum_rows(row_sums, w, n, k);
  for (size_t side = 0; side < sides; side++, w += SIDE * k, sums += SIDE, row_sums += SIDE) {
    const size_t left = n - side * SIDE, columns = left < SIDE ? left : SIDE;
    const CKPanel part = neon_side(panel, side, sides);
    int32_t first[SIDE] = {0};
    switch (isa) {
    case CKInstructionSetNEONI8MM:
      pack_pairs(part.scratch, w, columns, k);
      multiply_side_i8mm(sums, sums_stride, a, a_stride, part, m, columns, k);
      break;
    case CKInstructionSetNEONDotProd:
      for (size_t c = 0; c < columns; c++) first[c] = 128 * row_sums[c];
      pack_words(part.scratch, w, columns, k);
      multiply_side_dotprod(sums, sums_stride, a, a_stride, part, first, m, columns, k);
      break;
    default:
      pack_bytes(part.scratch, w, columns, k);
      multiply_side_bytes(sums, sums_stride, a, a_stride, part, first, m, columns, k);
    }
  }
}
#endif
