#pragma once
#include "CKernels.h"

// Products of rows with 32 rows of weights, on AVX-512. One word of 32 bits is the unit: 4 codes,
// 2 bfloat16 or a float. The weights lie so that word s of all 32 rows is together; then
// 12 rows by 32 columns are 24 sums in registers, each word of the rows is loaded once into all
// lanes, and nothing needs to be added up across lanes.

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define WIDE \
  __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16")))
#define WIDE_INLINE WIDE static inline __attribute__((always_inline, unused))

enum { PANEL = CK_PANEL, TALLEST = 12 };

typedef enum { OfBytes, OfHalves, OfFloats } Operands;

// 16 bytes of 4 rows, 4 rows apart: one in each lane of 128 bits.
WIDE_INLINE __m512i four_rows(const char *w, size_t stride) {
  __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)w));
  v = _mm512_mask_broadcast_i32x4(v, 0x00f0, _mm_loadu_si128((const __m128i *)(w + 4 * stride)));
  v = _mm512_mask_broadcast_i32x4(v, 0x0f00, _mm_loadu_si128((const __m128i *)(w + 8 * stride)));
  return _mm512_mask_broadcast_i32x4(
      v, 0xf000, _mm_loadu_si128((const __m128i *)(w + 12 * stride)));
}

// 4 words of 16 rows, to 4 vectors of one word of each row.
WIDE_INLINE void turn(__m512i *out, const char *w, size_t stride) {
  __m512i a = four_rows(w, stride), b = four_rows(w + stride, stride);
  __m512i c = four_rows(w + 2 * stride, stride), d = four_rows(w + 3 * stride, stride);
  __m512i ab0 = _mm512_unpacklo_epi32(a, b), ab1 = _mm512_unpackhi_epi32(a, b);
  __m512i cd0 = _mm512_unpacklo_epi32(c, d), cd1 = _mm512_unpackhi_epi32(c, d);
  out[0] = _mm512_unpacklo_epi64(ab0, cd0);
  out[1] = _mm512_unpackhi_epi64(ab0, cd0);
  out[2] = _mm512_unpacklo_epi64(ab1, cd1);
  out[3] = _mm512_unpackhi_epi64(ab1, cd1);
}

// Packs n ≤ 32 rows of `bytes`, `stride` bytes apart, one after the other; what is missing is zero.
// panel [words, 32] words.
WIDE_INLINE void pack_panel(char *panel, const void *weights, size_t n, size_t bytes,
                            size_t stride) {
  const char *w = weights;
  const size_t words = (bytes + 3) / 4, whole = n == PANEL ? bytes / 16 * 16 : 0;
  for (size_t half = 0; half < 2; half++) {
    char *to = panel + 64 * half;
    for (size_t i = 0; i < whole; i += 16, to += 4 * 4 * PANEL) {
      __m512i turned[4];
      turn(turned, w + 16 * half * stride + i, stride);
      for (size_t x = 0; x < 4; x++) _mm512_storeu_si512(to + 4 * PANEL * x, turned[x]);
    }
  }
  if (whole < bytes) {
    memset(panel + PANEL * whole, 0, PANEL * 4 * (words - whole / 4));
    for (size_t r = 0; r < n; r++, w += stride) {
      for (size_t i = whole; i < bytes / 4 * 4; i += 4) memcpy(panel + PANEL * i + 4 * r, w + i, 4);
      if (bytes % 4)
        memcpy(panel + PANEL * (bytes - bytes % 4) + 4 * r, w + bytes - bytes % 4, bytes % 4);
    }
  }
}

// A panel of floats of a panel of codes, [columns, 32], columns a multiple of 4.
WIDE_INLINE void widen_panel(float *panel, const int8_t *codes, size_t columns) {
  for (size_t i = 0; i < columns / 4 * 2; i++, codes += 64) {
    const __m512i v = _mm512_loadu_si512(codes);
    // 16 of the 32 rows: 4 codes of each.
    float *to = panel + i / 2 * 4 * PANEL + i % 2 * 16;
    for (int x = 0; x < 4; x++)
      _mm512_storeu_ps(to + PANEL * x, _mm512_cvtepi32_ps(_mm512_srai_epi32(
                                           _mm512_slli_epi32(v, (unsigned)(24 - 8 * x)), 24)));
  }
}

WIDE_INLINE __m512i multiply_add(__m512i sum, __m512i a, __m512i w, const Operands operands) {
  switch (operands) {
  case OfBytes: return _mm512_dpbusd_epi32(sum, a, w);
  case OfHalves:
    return _mm512_castps_si512(
        _mm512_dpbf16_ps(_mm512_castsi512_ps(sum), (__m512bh)a, (__m512bh)w));
  case OfFloats:
    return _mm512_castps_si512(_mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(w),
                                               _mm512_castsi512_ps(sum)));
  }
}

// rows ≤ 12 rows of `a` times a panel, to the first n ≤ 32 columns of `sums`. Strides in bytes.
// Meanwhile fetches `ahead` bytes from `next` on for each word.
WIDE_INLINE void multiply_tile(char *sums, size_t sums_stride, const char *a, size_t a_stride,
                               const char *panel, const int rows, size_t n, size_t words,
                               const char *next, size_t ahead, const Operands operands) {
  __m512i s[TALLEST][2];
  for (int r = 0; r < rows; r++) s[r][0] = s[r][1] = _mm512_setzero_si512();
  for (size_t i = 0; i < words; i++, panel += 4 * PANEL, next += ahead) {
    __m512i w0 = _mm512_loadu_si512(panel), w1 = _mm512_loadu_si512(panel + 64);
    for (size_t x = 0; x < ahead; x += 64) _mm_prefetch(next + x, _MM_HINT_T0);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      int32_t word;
      memcpy(&word, a + (size_t)r * a_stride + 4 * i, 4);
      __m512i u = _mm512_set1_epi32(word);
      s[r][0] = multiply_add(s[r][0], u, w0, operands);
      s[r][1] = multiply_add(s[r][1], u, w1, operands);
      // Keeps the compiler from loading all words first, for which there are not enough registers.
      __asm__ volatile("" : "+v"(s[r][0]), "+v"(s[r][1])::"memory");
    }
  }
  const __mmask16 first = (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffff);
  const __mmask16 second = (__mmask16)(n < 16 ? 0 : n < 32 ? (1u << (n - 16)) - 1 : 0xffff);
  for (int r = 0; r < rows; r++, sums += sums_stride) {
    _mm512_mask_storeu_epi32(sums, first, s[r][0]);
    _mm512_mask_storeu_epi32(sums + 64, second, s[r][1]);
  }
}

// sums[i,j] for m rows of `a` and the n ≤ 32 columns of a panel, all of k operands.
WIDE_INLINE void multiply_panel(void *sums, size_t sums_stride, const void *a, size_t a_stride,
                                const void *panel, CKAhead ahead_of, size_t m, size_t n, size_t k,
                                const Operands operands) {
  const size_t size = operands == OfBytes ? 1 : operands == OfHalves ? 2 : 4;
  const size_t words = (k * size + 3) / 4, tiles = (m + TALLEST - 1) / TALLEST;
  const size_t steps = tiles * words, ahead = steps ? (ahead_of.bytes + steps - 1) / steps : 0;
  const char *from = a, *next = ahead_of.next;
  char *to = sums;
  for (size_t tile = 0, row = 0; tile < tiles; tile++) {
    // As equal as can be: 77 rows are 7 times 11.
    const size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
    switch (rows) {
#define ROWS(count)                                                                            \
  case count:                                                                                  \
    multiply_tile(to, 4 * sums_stride, from, size * a_stride, panel, count, n, words, \
                  next, ahead, operands);                                                    \
    break;
      ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7)
      ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
#undef ROWS
    }
    row += rows;
    to += 4 * rows * sums_stride;
    from += size * rows * a_stride;
    next += ahead * words;
  }
}
#endif
