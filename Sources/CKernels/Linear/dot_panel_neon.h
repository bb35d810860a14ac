#pragma once
#include "panels_neon.h"

// Codes of rows times a panel of codes on NEON, as it lies. Without i8mm, NEON only multiplies
// bytes that are both signed: 128 is taken from the codes of rows, and what that lacks, 128 times
// the sums of the columns, is what sums begin with.

#if defined(__aarch64__)

NEON_INLINE int8x16_t centred(uint8x16_t codes) {
  return vreinterpretq_s8_u8(veorq_u8(codes, vdupq_n_u8(128)));
}

// 128 · Σ of each column of a side.
static void sums_of_128(int32_t *sums, const int8_t *side, size_t words) {
  int32x4_t s[4] = {{0}};
  for (size_t i = 0; i < words; i++)
    for (size_t c = 0; c < 4; c++) s[c] = vpadalq_s16(s[c], vpaddlq_s8(codes_of(side, i, 4 * c)));
  for (size_t c = 0; c < 4; c++) vst1q_s32(sums + 4 * c, vshlq_n_s32(s[c], 7));
}

// -- The least that NEON has: 16-bit products, added in pairs. Of 3 rows by 16 columns, as each
// word of a column has two sums, which are added up at the end.
NEON_INLINE void tile_bytes(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                            const int8_t *side, const int32_t *first, const int rows, size_t n,
                            size_t words) {
  int32x4_t s[3][4][2];
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < 4; c++) s[r][c][0] = s[r][c][1] = vdupq_n_s32(0);
  for (size_t i = 0; i < words; i++, side += 4 * CK_PANEL) {
    int8x16_t u[3];
    for (int r = 0; r < rows; r++) {
      uint32_t word;
      memcpy(&word, a + (size_t)r * a_stride + 4 * i, 4);
      u[r] = centred(vreinterpretq_u8_u32(vdupq_n_u32(word)));
    }
    for (int c = 0; c < 4; c++) {
      const int8x16_t w = vld1q_s8(side + 16 * c);
      for (int r = 0; r < rows; r++) {
        s[r][c][0] = vpadalq_s16(s[r][c][0], vmull_s8(vget_low_s8(w), vget_low_s8(u[r])));
        s[r][c][1] = vpadalq_s16(s[r][c][1], vmull_high_s8(w, u[r]));
        __asm__ volatile("" : "+w"(s[r][c][0]), "+w"(s[r][c][1])::"memory");
      }
    }
  }
  for (int r = 0; r < rows; r++, sums += sums_stride) {
    int32x4_t row[4];
    for (int c = 0; c < 4; c++)
      row[c] = vaddq_s32(vpaddq_s32(s[r][c][0], s[r][c][1]), vld1q_s32(first + 4 * c));
    memcpy(sums, row, n * sizeof *sums);
  }
}

static void multiply_side_bytes(int32_t *sums, size_t sums_stride, const uint8_t *a,
                                size_t a_stride, const int8_t *side, const int32_t *first,
                                size_t m, size_t n, size_t words) {
  for (size_t i = 0; i < m; i += 3, sums += 3 * sums_stride, a += 3 * a_stride)
    switch (m - i) {
    case 1: tile_bytes(sums, sums_stride, a, a_stride, side, first, 1, n, words); break;
    case 2: tile_bytes(sums, sums_stride, a, a_stride, side, first, 2, n, words); break;
    default: tile_bytes(sums, sums_stride, a, a_stride, side, first, 3, n, words);
    }
}

// -- With dotprod.
#define NAME(name) name##_dotprod
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define Sum int32_t
#define Sums int32x4_t
#define Operands int8x16_t
#define PITCH (4 * CK_PANEL)
#define TAKEN 4
#define OPERANDS(from, words) centred(load_16(from, 4 * (words)))
#define MULTIPLY_ADD(sums, a, w, word) vdotq_laneq_s32(sums, w, a, word)
#include "rows_neon.h"

// -- With i8mm. A run of words is brought into the order that it wants, once for all rows.
#define NAME(name) name##_i8mm
#define TARGET __attribute__((target("arch=armv8.2-a+i8mm")))
#define Sum int32_t
#define Sums int32x4_t
#define MULTIPLY_ADD(sums, a, w) vusmmlaq_s32(sums, a, vreinterpretq_s8_u8(w))
#include "pairs_neon.h"

// 16 KB of weights, which stay in any first cache.
enum { RUN = 256 };

static void multiply_runs_i8mm(int32_t *sums, size_t sums_stride, const uint8_t *a,
                               size_t a_stride, const int8_t *side, CKAhead ahead, size_t m,
                               size_t n, size_t words) {
  int8_t zipped[4 * SIDE * RUN];
  const size_t runs = (words + RUN - 1) / RUN;
  for (size_t run = 0; run < runs; run++) {
    const size_t i = run * RUN, count = words - i < RUN ? words - i : RUN;
    zip_words(zipped, side + 4 * CK_PANEL * i, count);
    multiply_side_i8mm(sums, sums_stride, a + 4 * i, a_stride, zipped, neon_part(ahead, run, runs),
                       m, n, 4 * count, run > 0);
  }
}

static void dot_panel_neon(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                           const int8_t *panel, size_t m, size_t n, size_t k, CKAhead ahead,
                           CKInstructionSet isa) {
  const size_t words = (k + 3) / 4, sides = neon_sides(n);
  for (size_t x = 0; x < sides; x++, sums += SIDE, panel += 4 * SIDE) {
    const size_t columns = neon_columns(n, x);
    const CKAhead part = neon_part(ahead, x, sides);
    if (isa == CKInstructionSetNEONI8MM) {
      multiply_runs_i8mm(sums, sums_stride, a, a_stride, panel, part, m, columns, words);
      continue;
    }
    int32_t first[SIDE];
    sums_of_128(first, panel, words);
    if (isa == CKInstructionSetNEONDotProd)
      multiply_side_dotprod(sums, sums_stride, a, a_stride, panel, part, first, m, columns, words);
    else
      multiply_side_bytes(sums, sums_stride, a, a_stride, panel, first, m, columns, words);
  }
}
#endif
