#include "CKernels.h"
#include "dot_rows_u8_s8_neon.h"
#include "panels.h"

// The reference: what every other version of this kernel is tested against.
static void dot_rows_scalar(int32_t *sums, size_t sums_stride, int32_t *row_sums, const uint8_t *a,
                            size_t a_stride, const int8_t *w, size_t m, size_t n, size_t k) {
  for (size_t j = 0; j < n; j++, w += k) {
    row_sums[j] = 0;
    for (size_t c = 0; c < k; c++) row_sums[j] += w[c];
    for (size_t i = 0; i < m; i++) {
      int32_t sum = 0;
      for (size_t c = 0; c < k; c++) sum += (int32_t)a[i * a_stride + c] * w[c];
      sums[i * sums_stride + j] = sum;
    }
  }
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

enum { GROUP = 4 };

static inline size_t at_most(size_t limit, size_t index) { return index < limit ? index : limit - 1; }

// maddubs would saturate at int16, so both sides are widened first.
AVX2 static inline __m256i widen_u8(const uint8_t *p) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}

AVX2 static inline __m256i widen_s8(const int8_t *p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

// [Σ v0, Σ v1, Σ v2, Σ v3]
AVX2 static inline __m128i sum_4_avx2(__m256i v0, __m256i v1, __m256i v2, __m256i v3) {
  __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(v0, v1), _mm256_hadd_epi32(v2, v3));
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

// 2 rows of activations by 4 of weights, 8 sums being what 16 registers allow. These are vectors,
// only added up across their lanes at the end, so both sides are read as they lie. Where fewer rows
// are left, the last one is repeated and the repetitions thrown away.
AVX2 static void dot_rows_avx2(int32_t *sums, size_t sums_stride, int32_t *row_sums,
                               const uint8_t *a, size_t a_stride, const int8_t *w, size_t m,
                               size_t n, size_t k) {
  const size_t whole = k / 16 * 16;
  for (size_t j = 0; j < n; j += GROUP) {
    const size_t columns = n - j < GROUP ? n - j : GROUP;
    const int8_t *ws[GROUP];
    for (size_t c = 0; c < GROUP; c++) ws[c] = w + at_most(n, j + c) * k;
    __m256i totals[GROUP];
    for (size_t c = 0; c < GROUP; c++) totals[c] = _mm256_setzero_si256();
    for (size_t i = 0; i < whole; i += 16)
      for (size_t c = 0; c < GROUP; c++)
        totals[c] = _mm256_add_epi32(
            totals[c], _mm256_madd_epi16(widen_s8(ws[c] + i), _mm256_set1_epi16(1)));
    int32_t found[2 * GROUP];
    _mm_storeu_si128((__m128i *)found, sum_4_avx2(totals[0], totals[1], totals[2], totals[3]));
    for (size_t c = 0; c < columns; c++) {
      for (size_t i = whole; i < k; i++) found[c] += ws[c][i];
      row_sums[j + c] = found[c];
    }
    for (size_t r = 0; r < m; r += 2) {
      const uint8_t *a0 = a + r * a_stride, *a1 = a + at_most(m, r + 1) * a_stride;
      __m256i s[2][GROUP];
      for (size_t c = 0; c < GROUP; c++) s[0][c] = s[1][c] = _mm256_setzero_si256();
      for (size_t i = 0; i < whole; i += 16) {
        __m256i v0 = widen_u8(a0 + i), v1 = widen_u8(a1 + i);
        for (size_t c = 0; c < GROUP; c++) {
          __m256i v = widen_s8(ws[c] + i);
          s[0][c] = _mm256_add_epi32(s[0][c], _mm256_madd_epi16(v0, v));
          s[1][c] = _mm256_add_epi32(s[1][c], _mm256_madd_epi16(v1, v));
        }
      }
      for (size_t x = 0; x < 2; x++)
        _mm_storeu_si128((__m128i *)(found + GROUP * x),
                         sum_4_avx2(s[x][0], s[x][1], s[x][2], s[x][3]));
      for (size_t i = whole; i < k; i++)
        for (size_t c = 0; c < GROUP; c++) {
          found[c] += a0[i] * ws[c][i];
          found[GROUP + c] += a1[i] * ws[c][i];
        }
      for (size_t x = 0; x < 2 && r + x < m; x++)
        memcpy(sums + (r + x) * sums_stride + j, found + GROUP * x, 4 * columns);
    }
  }
}

WIDE static void dot_rows_avx512vnni(int32_t *sums, size_t sums_stride, int32_t *row_sums,
                                     const uint8_t *a, size_t a_stride, const int8_t *w, size_t m,
                                     size_t n, size_t k, CKPanel panel) {
  pack_panel(panel.scratch, row_sums, w, n, k, k, OfBytes);
  multiply_panel(sums, sums_stride, a, a_stride, panel, m, n, k, OfBytes);
}
#endif

void ck_dot_rows_u8_s8(int32_t *sums, size_t sums_stride, int32_t *row_sums, const uint8_t *a,
                       size_t a_stride, const int8_t *w, size_t m, size_t n, size_t k,
                       CKPanel panel, CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
    return dot_rows_avx512vnni(sums, sums_stride, row_sums, a, a_stride, w, m, n, k, panel);
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX2:
    return dot_rows_avx2(sums, sums_stride, row_sums, a, a_stride, w, m, n, k);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    return dot_rows_neon(sums, sums_stride, row_sums, a, a_stride, w, m, n, k, panel, isa);
#endif
  default: return dot_rows_scalar(sums, sums_stride, row_sums, a, a_stride, w, m, n, k);
  }
}
