#include "rans_push.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROUND = 32, SCALE = 12 };

// A quotient is below 2²⁰, so that one of floats, rounded twice to 24 bits, is off by one at most.
__attribute__((target("avx512f,avx512bw,avx512vl"))) static inline __m512i pushed(
    __m512i x, __m512i frequency, __m512i start) {
  const __m512i one = _mm512_set1_epi32(1);
  __m512i quotient = _mm512_cvttps_epu32(
      _mm512_div_ps(_mm512_cvtepu32_ps(x), _mm512_cvtepu32_ps(frequency)));
  __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(quotient, frequency));
  __mmask16 over = _mm512_cmplt_epi32_mask(rest, _mm512_setzero_si512());
  rest = _mm512_mask_add_epi32(rest, over, rest, frequency);
  quotient = _mm512_mask_sub_epi32(quotient, over, quotient, one);
  __mmask16 under = _mm512_cmpge_epu32_mask(rest, frequency);
  rest = _mm512_mask_sub_epi32(rest, under, rest, frequency);
  quotient = _mm512_mask_add_epi32(quotient, under, quotient, one);
  return _mm512_add_epi32(_mm512_add_epi32(_mm512_slli_epi32(quotient, SCALE), rest), start);
}

__attribute__((target("avx512f,avx512bw,avx512vl"))) uint8_t *rans_push_rounds_avx512(
    const uint32_t frequencies[256], const uint32_t starts[256], const int8_t *codes,
    size_t rounds, uint32_t states[32], uint8_t *word) {
  // Both are below 2¹²: one gather fetches them, by the code's own byte.
  uint32_t models[256];
  for (int byte = 0; byte < 256; byte++)
    models[byte] = frequencies[byte ^ 128] | starts[byte ^ 128] << 16;
  const __m512i low = _mm512_set1_epi32(0xffff);
  __m512i x[2] = {_mm512_loadu_si512(states), _mm512_loadu_si512(states + 16)};
  while (rounds-- > 0) {
    for (int v = 1; v >= 0; v--) {
      __m128i code = _mm_loadu_si128((const __m128i *)(codes + ROUND * rounds + 16 * v));
      __m512i model = _mm512_i32gather_epi32(_mm512_cvtepu8_epi32(code), models, 4);
      __m512i frequency = _mm512_and_si512(model, low);
      __mmask16 full = _mm512_cmpge_epu32_mask(x[v], _mm512_slli_epi32(frequency, 32 - SCALE));
      // The highest lane's word goes first, and words grow down: in memory the lowest lane's leads.
      unsigned count = (unsigned)__builtin_popcount(full);
      word -= 2 * count;
      _mm256_mask_storeu_epi16(word, (__mmask16)((1u << count) - 1),
                               _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(full, x[v])));
      x[v] = pushed(_mm512_mask_srli_epi32(x[v], full, x[v], 16), frequency,
                    _mm512_srli_epi32(model, 16));
    }
  }
  _mm512_storeu_si512(states, x[0]);
  _mm512_storeu_si512(states + 16, x[1]);
  return word;
}
#endif
