#pragma once
#include "CKernels.h"

// What products with a panel of weights have in common on NEON. A panel is done in two sides of 16
// columns: 6 rows by 16 columns are 24 vectors of sums, which leaves 8 registers. A vector of
// weights is a word of 4 columns, as in panels of codes (rows_neon.h), or 8 bytes of 2 columns
// (pairs_neon.h).

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#define NEON_INLINE static inline __attribute__((always_inline, unused))

enum { SIDE = 16 };

NEON_INLINE size_t neon_sides(size_t n) { return (n + SIDE - 1) / SIDE; }

// The columns of a side, of n.
NEON_INLINE size_t neon_columns(size_t n, size_t side) {
  return n - side * SIDE < SIDE ? n - side * SIDE : SIDE;
}

// One of several equal parts of what is to be fetched.
NEON_INLINE CKAhead neon_part(CKAhead ahead, size_t part, size_t parts) {
  const size_t bytes = ahead.bytes / parts;
  return (CKAhead){(const char *)ahead.next + part * bytes, bytes};
}

// 16 bytes, or the `left` ones that there are and zeros.
NEON_INLINE uint8x16_t load_16(const void *from, size_t left) {
  uint8x16_t bytes = vdupq_n_u8(0);
  if (left >= 16) memcpy(&bytes, from, 16);
  else memcpy(&bytes, from, left);
  return bytes;
}

// -- Weights in rows, to a side.

// Packs n ≤ 16 rows of `bytes` bytes, word by word: [⌈bytes / 4⌉, the first 16 of `pitch`].
NEON_INLINE void pack_words(void *side, size_t pitch, const void *weights, size_t n, size_t bytes) {
  const char *w = weights;
  const size_t words = (bytes + 3) / 4;
  for (size_t j = 0; j < SIDE; j += 4)
    for (size_t i = 0; i < words; i += 4) {
      uint32x4_t v[4] = {{0}};
      for (size_t r = 0; r < 4; r++)
        if (j + r < n)
          v[r] = vreinterpretq_u32_u8(load_16(w + (j + r) * bytes + 4 * i, bytes - 4 * i));
      const uint32x4_t a = vzip1q_u32(v[0], v[2]), b = vzip1q_u32(v[1], v[3]);
      const uint32x4_t c = vzip2q_u32(v[0], v[2]), d = vzip2q_u32(v[1], v[3]);
      const uint32x4_t turned[4] = {vzip1q_u32(a, b), vzip2q_u32(a, b), vzip1q_u32(c, d),
                                    vzip2q_u32(c, d)};
      for (size_t x = 0; x < 4 && i + x < words; x++)
        memcpy((char *)side + 4 * (pitch * (i + x) + j), turned + x, 16);
    }
}

// Packs n ≤ 16 rows of `bytes` bytes, a multiple of 16: [steps of 16, 8 pairs, 2 halves, 2 rows].
NEON_INLINE void pack_pairs(void *side, const void *weights, size_t n, size_t bytes) {
  const char *w = weights;
  for (size_t j = 0; j < SIDE; j += 2) {
    char *to = (char *)side + 16 * j;
    for (size_t i = 0; i < bytes; i += 16, to += 16 * SIDE) {
      uint64x2x2_t rows = {{{0}}};
      for (size_t r = 0; r < 2; r++)
        if (j + r < n) memcpy(rows.val + r, w + (j + r) * bytes + i, 16);
      vst2q_u64((uint64_t *)to, rows);
    }
  }
}

// -- Weights in a panel of codes, to a side. `codes` points to the first one of the side.

// Word by word, each 4 codes of 16 rows.
NEON_INLINE int8x16_t codes_of(const int8_t *codes, size_t word, size_t j) {
  return vld1q_s8(codes + 4 * (CK_PANEL * word + j));
}

// [4 · words, 16] floats.
NEON_INLINE void widen_words(float *side, const int8_t *codes, size_t words) {
  for (size_t i = 0; i < words; i++, side += 4 * SIDE)
    for (size_t j = 0; j < SIDE; j += 4) {
      const int32x4_t v = vreinterpretq_s32_s8(codes_of(codes, i, j));
      vst1q_f32(side + j, vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(v, 24), 24)));
      vst1q_f32(side + SIDE + j, vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(v, 16), 24)));
      vst1q_f32(side + 2 * SIDE + j, vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(v, 8), 24)));
      vst1q_f32(side + 3 * SIDE + j, vcvtq_f32_s32(vshrq_n_s32(v, 24)));
    }
}

// [⌈words / 4⌉, 8 pairs, 2 halves of 2 words, 2 rows]; words that are missing are zero.
NEON_INLINE void zip_words(int8_t *side, const int8_t *codes, size_t words) {
  for (size_t i = 0; i < words; i += 4, side += 16 * SIDE)
    for (size_t j = 0; j < SIDE; j += 4)
      for (size_t half = 0; half < 2; half++) {
        const size_t word = i + 2 * half;
        int32x4_t u = vdupq_n_s32(0), v = u;
        if (word < words) u = vreinterpretq_s32_s8(codes_of(codes, word, j));
        if (word + 1 < words) v = vreinterpretq_s32_s8(codes_of(codes, word + 1, j));
        vst1q_s8(side + 16 * j + 16 * half, vreinterpretq_s8_s32(vzip1q_s32(u, v)));
        vst1q_s8(side + 16 * j + 32 + 16 * half, vreinterpretq_s8_s32(vzip2q_s32(u, v)));
      }
}
#endif
