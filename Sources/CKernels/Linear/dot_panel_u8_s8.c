#include "CKernels.h"
#include "dot_panel_neon.h"
#include "panels.h"

// The reference: what every other version of this kernel is tested against.
static void dot_panel_scalar(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                             const int8_t *panel, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++, a += a_stride, sums += sums_stride)
    for (size_t j = 0; j < n; j++) {
      sums[j] = 0;
      for (size_t c = 0; c < k; c++) sums[j] += (int32_t)a[c] * panel[ck_panel_index(j, c)];
    }
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))

// 4 codes of 4 rows. maddubs would saturate at int16, so both sides are widened first.
AVX2 static inline __m256i four_by_four(const int8_t *p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

// A word of a row, widened, four times.
AVX2 static inline __m256i word_avx2(const uint8_t *a) {
  int32_t word;
  memcpy(&word, a, 4);
  return _mm256_cvtepu8_epi16(_mm_set1_epi32(word));
}

// 2 rows of activations by 16 of weights: 8 vectors of sums, each two for a row of weights, which
// are added up at the end. Where one row is left, it is taken twice.
AVX2 static void dot_panel_avx2(int32_t *sums, size_t sums_stride, const uint8_t *a,
                                size_t a_stride, const int8_t *panel, size_t m, size_t n,
                                size_t k) {
  for (size_t i = 0; i < m; i += 2) {
    const uint8_t *rows[2] = {a + i * a_stride, a + (i + 1 < m ? i + 1 : i) * a_stride};
    for (size_t j = 0; j < n; j += 16) {
      __m256i s[2][4];
      for (size_t x = 0; x < 4; x++) s[0][x] = s[1][x] = _mm256_setzero_si256();
      const int8_t *w = panel + 4 * j;
      for (size_t c = 0; c < k; c += 4, w += 4 * CK_PANEL) {
        const __m256i a0 = word_avx2(rows[0] + c), a1 = word_avx2(rows[1] + c);
        for (size_t x = 0; x < 4; x++) {
          __m256i v = four_by_four(w + 16 * x);
          s[0][x] = _mm256_add_epi32(s[0][x], _mm256_madd_epi16(a0, v));
          s[1][x] = _mm256_add_epi32(s[1][x], _mm256_madd_epi16(a1, v));
        }
      }
      for (size_t r = 0; r < 2 && i + r < m; r++) {
        int32_t found[16];
        for (size_t x = 0; x < 4; x += 2) {
          // [0 1 4 5 2 3 6 7], by halves of 128 bits.
          __m256i pairs = _mm256_hadd_epi32(s[r][x], s[r][x + 1]);
          _mm256_storeu_si256((__m256i *)(found + 4 * x), _mm256_permute4x64_epi64(pairs, 0xd8));
        }
        memcpy(sums + (i + r) * sums_stride + j, found, 4 * (n - j < 16 ? n - j : 16));
      }
    }
  }
}

#define NAME dot_panel_avxvnni
#define TARGET __attribute__((target("avx2,avxvnni")))
#define MULTIPLY_ADD _mm256_dpbusd_avx_epi32
#include "dot_panel_256.h"

#define NAME dot_panel_avx512vl
#define TARGET __attribute__((target("avx2,avx512f,avx512vl,avx512vnni")))
#define MULTIPLY_ADD _mm256_dpbusd_epi32
#include "dot_panel_256.h"

WIDE static void dot_panel_avx512vnni(int32_t *sums, size_t sums_stride, const uint8_t *a,
                                      size_t a_stride, const int8_t *panel, size_t m, size_t n,
                                      size_t k, CKAhead ahead) {
  multiply_panel(sums, sums_stride, a, a_stride, panel, ahead, m, n, k, OfBytes);
}
#endif

void ck_dot_panel_u8_s8(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                        const int8_t *panel, size_t m, size_t n, size_t k, CKAhead ahead,
                        CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
    return dot_panel_avx512vnni(sums, sums_stride, a, a_stride, panel, m, n, k, ahead);
  case CKInstructionSetAVXVNNI:
    if (__builtin_cpu_supports("avxvnni"))
      return dot_panel_avxvnni(sums, sums_stride, a, a_stride, panel, m, n, k);
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
      return dot_panel_avx512vl(sums, sums_stride, a, a_stride, panel, m, n, k);
    return dot_panel_avx2(sums, sums_stride, a, a_stride, panel, m, n, k);
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX2:
    return dot_panel_avx2(sums, sums_stride, a, a_stride, panel, m, n, k);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    return dot_panel_neon(sums, sums_stride, a, a_stride, panel, m, n, k, ahead, isa);
#endif
  default: return dot_panel_scalar(sums, sums_stride, a, a_stride, panel, m, n, k);
  }
}
