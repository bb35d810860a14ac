#pragma once
#include "CKernels.h"

// What the products of rows with a panel of weights have in common on NEON. A panel is done in two
// sides of 16 columns: 6 rows by 16 columns are 24 vectors of sums, and 8 registers are left. The
// weights of a side are packed, so that one vector holds what one instruction multiplies: a word of 4
// columns (rows_neon.h), or 8 bytes of 2 (pairs_neon.h). A step is 4 words of each of the 16.

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#define NEON_INLINE static inline __attribute__((always_inline, unused))

enum { SIDE = 16, STEP = 16 };

NEON_INLINE size_t neon_sides(size_t n) { return (n + SIDE - 1) / SIDE; }

// The part of a panel that is for a side, which fetches its share of the next weights.
NEON_INLINE CKPanel neon_side(CKPanel panel, size_t side, size_t sides) {
  const size_t share = panel.next_bytes / sides;
  panel.next = (const char *)panel.next + side * share;
  panel.next_bytes = share;
  return panel;
}

// 16 bytes, or the `left` ones that there are and zeros.
NEON_INLINE uint8x16_t load_16(const uint8_t *from, size_t left) {
  if (left >= 16) return vld1q_u8(from);
  uint8_t bytes[16] = {0};
  memcpy(bytes, from, left);
  return vld1q_u8(bytes);
}

// As above, 8 bytes.
NEON_INLINE uint8x8_t load_8(const uint8_t *from, size_t left) {
  if (left >= 8) return vld1_u8(from);
  uint8_t bytes[8] = {0};
  memcpy(bytes, from, left);
  return vld1_u8(bytes);
}

// Packs n ≤ 16 rows of so many bytes: [steps, 4 groups, 4 words, 4 rows of the group].
NEON_INLINE void pack_words(void *panel, const void *weights, size_t n, size_t bytes) {
  const uint8_t *w = weights;
  for (size_t j = 0; j < SIDE; j += 4) {
    uint8_t *to = (uint8_t *)panel + STEP * j;
    for (size_t i = 0; i < bytes; i += STEP, to += SIDE * STEP) {
      uint32x4x4_t rows = {{{0}}};
      for (size_t r = 0; r < 4; r++)
        if (j + r < n)
          rows.val[r] = vreinterpretq_u32_u8(load_16(w + (j + r) * bytes + i, bytes - i));
      vst4q_u32((uint32_t *)to, rows);
    }
  }
}

// Packs n ≤ 16 rows of so many bytes: [steps, 8 pairs, 2 halves of 8 bytes, 2 rows of the pair].
NEON_INLINE void pack_pairs(void *panel, const void *weights, size_t n, size_t bytes) {
  const uint8_t *w = weights;
  for (size_t j = 0; j < SIDE; j += 2) {
    uint8_t *to = (uint8_t *)panel + STEP * j;
    for (size_t i = 0; i < bytes; i += STEP, to += SIDE * STEP) {
      uint64x2x2_t rows = {{{0}}};
      for (size_t r = 0; r < 2; r++)
        if (j + r < n)
          rows.val[r] = vreinterpretq_u64_u8(load_16(w + (j + r) * bytes + i, bytes - i));
      vst2q_u64((uint64_t *)to, rows);
    }
  }
}
#endif
