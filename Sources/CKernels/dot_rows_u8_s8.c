#include "CKernels.h"

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

// The fast versions take 4 rows of weights at a time, which stay in the first cache while all rows
// of activations pass by, 4 at a time: 16 sums of vectors, which are only added up across their
// lanes at the end. So both sides are read as they lie. Where fewer than 4 are left, the last one
// is repeated and the repetitions thrown away.
enum { GROUP = 4 };

static inline size_t at_most(size_t limit, size_t index) { return index < limit ? index : limit - 1; }

static inline __attribute__((always_inline, unused))
void store_group(int32_t *sums, size_t sums_stride, const int32_t *found, size_t m, size_t n) {
  for (size_t r = 0; r < m; r++)
    for (size_t c = 0; c < n; c++) sums[r * sums_stride + c] = found[GROUP * r + c];
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))

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

// 2 rows of activations by 4 of weights: 8 sums are what 16 registers allow.
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
      store_group(sums + r * sums_stride + j, sums_stride, found, m - r < 2 ? 1 : 2, columns);
    }
  }
}

// Sums of 4 vectors, one in each lane of 32 bits, for each lane of 128 bits.
VNNI static inline __m512i fold_4(const __m512i *v) {
  __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
  __m512i high = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
}

// Lane r of 128 bits is the sum of the lanes of v[r].
VNNI static inline __m512i fold_lanes(__m512i v0, __m512i v1, __m512i v2, __m512i v3) {
  __m512i low = _mm512_add_epi32(_mm512_shuffle_i32x4(v0, v1, 0x88), _mm512_shuffle_i32x4(v0, v1, 0xdd));
  __m512i high = _mm512_add_epi32(_mm512_shuffle_i32x4(v2, v3, 0x88), _mm512_shuffle_i32x4(v2, v3, 0xdd));
  return _mm512_add_epi32(_mm512_shuffle_i32x4(low, high, 0x88), _mm512_shuffle_i32x4(low, high, 0xdd));
}

VNNI static inline void store_tile(int32_t *sums, size_t sums_stride, __m512i found, size_t m,
                                   size_t n) {
  if (m == GROUP && n == GROUP) {
    _mm_storeu_si128((__m128i *)sums, _mm512_castsi512_si128(found));
    _mm_storeu_si128((__m128i *)(sums + sums_stride), _mm512_extracti32x4_epi32(found, 1));
    _mm_storeu_si128((__m128i *)(sums + 2 * sums_stride), _mm512_extracti32x4_epi32(found, 2));
    _mm_storeu_si128((__m128i *)(sums + 3 * sums_stride), _mm512_extracti32x4_epi32(found, 3));
  } else {
    int32_t all[GROUP * GROUP];
    _mm512_storeu_si512(all, found);
    store_group(sums, sums_stride, all, m, n);
  }
}

VNNI static void dot_rows_avx512vnni(int32_t *sums, size_t sums_stride, int32_t *row_sums,
                                     const uint8_t *a, size_t a_stride, const int8_t *w, size_t m,
                                     size_t n, size_t k) {
  const size_t whole = k / 64 * 64;
  const __mmask64 tail = (1ull << (k - whole)) - 1;
  const __m512i ones = _mm512_set1_epi8(1);
  for (size_t j = 0; j < n; j += GROUP) {
    const size_t columns = n - j < GROUP ? n - j : GROUP;
    const int8_t *ws[GROUP];
    for (size_t c = 0; c < GROUP; c++) ws[c] = w + at_most(n, j + c) * k;
    __m512i totals[GROUP];
    for (size_t c = 0; c < GROUP; c++) totals[c] = _mm512_setzero_si512();
    for (size_t i = 0; i < whole; i += 64)
      for (size_t c = 0; c < GROUP; c++) {
        totals[c] = _mm512_dpbusd_epi32(totals[c], ones, _mm512_loadu_si512(ws[c] + i));
        // The rows of the next group follow; a prefetch beyond the last one does no harm.
        _mm_prefetch((const char *)ws[c] + GROUP * k + i, _MM_HINT_T0);
      }
    if (tail)
      for (size_t c = 0; c < GROUP; c++)
        totals[c] = _mm512_dpbusd_epi32(totals[c], ones, _mm512_maskz_loadu_epi8(tail, ws[c] + whole));
    __m512i found = fold_4(totals);
    store_tile(row_sums + j, 0, fold_lanes(found, found, found, found), 1, columns);

    for (size_t r = 0; r < m; r += GROUP) {
      const uint8_t *as[GROUP];
      for (size_t x = 0; x < GROUP; x++) as[x] = a + at_most(m, r + x) * a_stride;
      __m512i s[GROUP][GROUP];
      for (size_t x = 0; x < GROUP; x++)
        for (size_t c = 0; c < GROUP; c++) s[x][c] = _mm512_setzero_si512();
      for (size_t i = 0; i < whole; i += 64) {
        __m512i v[GROUP];
        for (size_t c = 0; c < GROUP; c++) v[c] = _mm512_loadu_si512(ws[c] + i);
        for (size_t x = 0; x < GROUP; x++) {
          __m512i u = _mm512_loadu_si512(as[x] + i);
          for (size_t c = 0; c < GROUP; c++) s[x][c] = _mm512_dpbusd_epi32(s[x][c], u, v[c]);
        }
      }
      if (tail) {
        __m512i v[GROUP];
        for (size_t c = 0; c < GROUP; c++) v[c] = _mm512_maskz_loadu_epi8(tail, ws[c] + whole);
        for (size_t x = 0; x < GROUP; x++) {
          __m512i u = _mm512_maskz_loadu_epi8(tail, as[x] + whole);
          for (size_t c = 0; c < GROUP; c++) s[x][c] = _mm512_dpbusd_epi32(s[x][c], u, v[c]);
        }
      }
      store_tile(sums + r * sums_stride + j, sums_stride,
                 fold_lanes(fold_4(s[0]), fold_4(s[1]), fold_4(s[2]), fold_4(s[3])),
                 m - r < GROUP ? m - r : GROUP, columns);
    }
  }
}
#endif

void ck_dot_rows_u8_s8(int32_t *sums, size_t sums_stride, int32_t *row_sums, const uint8_t *a,
                       size_t a_stride, const int8_t *w, size_t m, size_t n, size_t k,
                       CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
    return dot_rows_avx512vnni(sums, sums_stride, row_sums, a, a_stride, w, m, n, k);
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX2:
    return dot_rows_avx2(sums, sums_stride, row_sums, a, a_stride, w, m, n, k);
#endif
  default: return dot_rows_scalar(sums, sums_stride, row_sums, a, a_stride, w, m, n, k);
  }
}
