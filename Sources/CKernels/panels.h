#pragma once
#include "CKernels.h"

// Products of rows with 32 rows of weights, on AVX-512. One word of 32 bits is the unit: 4 codes,
// 2 bfloat16 or a float. The weights are packed so that word s of all 32 rows lies together; then
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
  return _mm512_mask_broadcast_i32x4(v, 0xf000, _mm_loadu_si128((const __m128i *)(w + 12 * stride)));
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
// panel [words, 32] words. With bytes for operands, also sums the codes of each row.
WIDE_INLINE void pack_panel(char *panel, int32_t *row_sums, const void *weights, size_t n,
                            size_t bytes, size_t stride, const Operands operands) {
  const char *w = weights;
  const size_t words = (bytes + 3) / 4, whole = n == PANEL ? bytes / 16 * 16 : 0;
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
#pragma clang loop unroll(full)
  for (size_t half = 0; half < 2; half++) {
    // Two sums, so that an addition need not wait for the one before.
    __m512i even = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
    char *to = panel + 64 * half;
    for (size_t i = 0; i < whole; i += 16, to += 4 * 4 * PANEL) {
      __m512i turned[4];
      turn(turned, w + 16 * half * stride + i, stride);
      for (size_t x = 0; x < 4; x++) _mm512_storeu_si512(to + 4 * PANEL * x, turned[x]);
      if (operands == OfBytes) {
        even = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(even, ones, turned[0]), ones, turned[2]);
        odd = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(odd, ones, turned[1]), ones, turned[3]);
      }
    }
    sums[half] = _mm512_add_epi32(even, odd);
  }
  if (whole < bytes) {
    memset(panel + PANEL * whole, 0, PANEL * 4 * (words - whole / 4));
    for (size_t r = 0; r < n; r++)
      for (size_t i = whole; i < bytes; i += 4)
        memcpy(panel + PANEL * i + 4 * r, w + r * stride + i, bytes - i < 4 ? bytes - i : 4);
    if (operands == OfBytes)
      for (size_t s = whole / 4; s < words; s++)
        for (size_t half = 0; half < 2; half++)
          sums[half] = _mm512_dpbusd_epi32(sums[half], ones,
                                           _mm512_loadu_si512(panel + 4 * PANEL * s + 64 * half));
  }
  if (operands == OfBytes)
    for (size_t half = 0; half < 2; half++) {
      size_t left = n > 16 * half ? n - 16 * half : 0;
      __mmask16 mask = (__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff);
      _mm512_mask_storeu_epi32(row_sums + 16 * half, mask, sums[half]);
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
                                CKPanel panel, size_t m, size_t n, size_t k,
                                const Operands operands) {
  const size_t size = operands == OfBytes ? 1 : operands == OfHalves ? 2 : 4;
  const size_t words = (k * size + 3) / 4, tiles = (m + TALLEST - 1) / TALLEST;
  const size_t steps = tiles * words, ahead = steps ? (panel.next_bytes + steps - 1) / steps : 0;
  const char *from = a, *next = panel.next;
  char *to = sums;
  for (size_t tile = 0, row = 0; tile < tiles; tile++) {
    // As equal as can be: 77 rows are 7 times 11.
    const size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
    switch (rows) {
#define ROWS(count)                                                                            \
  case count:                                                                                  \
    multiply_tile(to, 4 * sums_stride, from, size * a_stride, panel.scratch, count, n, words, \
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
