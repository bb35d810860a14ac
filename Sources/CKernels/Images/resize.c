#include "CKernels.h"

#include <string.h>

enum { fraction_bits = 22, half = 1 << (fraction_bits - 1) };

static uint8_t clip(uint32_t sum) {
  int32_t level = (int32_t)(sum + half) >> fraction_bits;
  return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

// Adds pixels first ..< count of a window to three sums.
static void add_window(uint32_t sums[3], const uint8_t *window, const int32_t *weights,
                       size_t first, size_t count) {
  for (size_t j = first; j < count; j++)
    for (size_t c = 0; c < 3; c++) sums[c] += window[3 * j + c] * (uint32_t)weights[j];
}

// The reference: what every other version of this kernel is tested against.
static void resample_scalar(uint8_t *out, const uint8_t *row, const int32_t *starts,
                            const int32_t *counts, const int32_t *weights, size_t stride,
                            size_t outs) {
  for (size_t i = 0; i < outs; i++) {
    uint32_t sums[3] = {0, 0, 0};
    add_window(sums, row + 3 * (size_t)starts[i], weights + stride * i, 0, (size_t)counts[i]);
    for (size_t c = 0; c < 3; c++) out[3 * i + c] = clip(sums[c]);
  }
}

static void accumulate_scalar(int32_t *sums, const uint8_t *row, int32_t weight, size_t count) {
  for (size_t i = 0; i < count; i++)
    sums[i] = (int32_t)((uint32_t)sums[i] + row[i] * (uint32_t)weight);
}

#if defined(__aarch64__)
#include <arm_neon.h>

// Eight pixels a step, taken apart into channels.
static void resample_neon(uint8_t *out, const uint8_t *row, size_t pixels, const int32_t *starts,
                          const int32_t *counts, const int32_t *weights, size_t stride,
                          size_t outs) {
  for (size_t i = 0; i < outs; i++) {
    const uint8_t *window = row + 3 * (size_t)starts[i];
    const int32_t *w = weights + stride * i;
    size_t count = (size_t)counts[i], left = pixels - (size_t)starts[i], j = 0;
    int32x4_t totals[3] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (; j < count && j + 8 <= left; j += 8) {
      uint8x8x3_t p = vld3_u8(window + 3 * j);
      int32x4_t low = vld1q_s32(w + j), high = vld1q_s32(w + j + 4);
      for (int c = 0; c < 3; c++) {
        int16x8_t levels = vreinterpretq_s16_u16(vmovl_u8(p.val[c]));
        totals[c] = vmlaq_s32(totals[c], vmovl_s16(vget_low_s16(levels)), low);
        totals[c] = vmlaq_s32(totals[c], vmovl_high_s16(levels), high);
      }
    }
    uint32_t sums[3];
    for (int c = 0; c < 3; c++) sums[c] = (uint32_t)vaddvq_s32(totals[c]);
    add_window(sums, window, w, j, count);
    for (int c = 0; c < 3; c++) out[3 * i + (size_t)c] = clip(sums[c]);
  }
}
#endif

#if defined(__x86_64__)
#include <immintrin.h>

// Three sums, each the total of 4 lanes' channel c, to three bytes at out.
__attribute__((target("avx2")))
static void store_pixel(uint8_t *out, __m128i sums) {
  sums = _mm_srai_epi32(_mm_add_epi32(sums, _mm_set1_epi32(half)), fraction_bits);
  sums = _mm_packus_epi16(_mm_packs_epi32(sums, sums), sums);
  uint32_t levels = (uint32_t)_mm_cvtsi128_si32(sums);
  memcpy(out, &levels, 3);
}

// Products of 8-bit pixels and 16-bit halves of weights, by madd. A weight is upper · 2¹⁶ + lower
// with a signed lower half; a pair of products is at most 2 · 255 · 2¹⁵ < 2³¹.
//
// Four pixels a step. Lane 0 has pixels 0 and 1, lane 1 pixels 2 and 3, as pairs R0 R1 G0 G1 B0 B1.
__attribute__((target("avx2")))
static void resample_avx2(uint8_t *out, const uint8_t *row, size_t pixels, const int32_t *starts,
                          const int32_t *counts, const int32_t *weights, size_t stride,
                          size_t outs) {
  const char z = -1;
  const __m256i spread =
      _mm256_setr_epi8(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z,
                       6, z, 9, z, 7, z, 10, z, 8, z, 11, z, z, z, z, z);
  const __m256i lower_halves =
      _mm256_setr_epi8(0, 1, 4, 5, 0, 1, 4, 5, 0, 1, 4, 5, 0, 1, 4, 5,
                       8, 9, 12, 13, 8, 9, 12, 13, 8, 9, 12, 13, 8, 9, 12, 13);
  const __m256i upper_halves =
      _mm256_setr_epi8(2, 3, 6, 7, 2, 3, 6, 7, 2, 3, 6, 7, 2, 3, 6, 7,
                       10, 11, 14, 15, 10, 11, 14, 15, 10, 11, 14, 15, 10, 11, 14, 15);
  for (size_t i = 0; i < outs; i++) {
    const uint8_t *window = row + 3 * (size_t)starts[i];
    const int32_t *w = weights + stride * i;
    size_t count = (size_t)counts[i], left = 3 * (pixels - (size_t)starts[i]), j = 0;
    __m256i lower = _mm256_setzero_si256(), upper = _mm256_setzero_si256();
    for (; j < count && 3 * j + 16 <= left; j += 4) {
      __m256i p = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(window + 3 * j)));
      __m256i v = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(w + j)));
      p = _mm256_shuffle_epi8(p, spread);
      __m256i carried = _mm256_add_epi32(v, _mm256_set1_epi32(0x8000));
      lower = _mm256_add_epi32(lower, _mm256_madd_epi16(p, _mm256_shuffle_epi8(v, lower_halves)));
      upper =
          _mm256_add_epi32(upper, _mm256_madd_epi16(p, _mm256_shuffle_epi8(carried, upper_halves)));
    }
    __m256i sums = _mm256_add_epi32(lower, _mm256_slli_epi32(upper, 16));
    uint32_t rest[4] = {0, 0, 0, 0};
    add_window(rest, window, w, j, count);
    store_pixel(out + 3 * i,
                _mm_add_epi32(_mm_loadu_si128((const __m128i *)rest),
                              _mm_add_epi32(_mm256_castsi256_si128(sums),
                                            _mm256_extracti128_si256(sums, 1))));
  }
}

// Products of 8-bit pixels and 8-bit digits of weights, by dpbusd. A weight is a · 2¹⁶ + b · 2⁸ + c
// with signed digits.
//
// 16 pixels a step, 4 a lane, as R0…R3 G0…G3 B0…B3 0 0 0 0.
__attribute__((target("avx2,avx512f,avx512bw,avx512vnni")))
static void resample_avx512vnni(uint8_t *out, const uint8_t *row, size_t pixels,
                                const int32_t *starts, const int32_t *counts,
                                const int32_t *weights, size_t stride, size_t outs) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
  const char z = -1;
  const __m512i spread = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, z, z, z, z));
  const __m512i digit_c = _mm512_set1_epi32(0x0c080400);
  const __m512i digit_b = _mm512_set1_epi32(0x0d090501);
  const __m512i digit_a = _mm512_set1_epi32(0x0e0a0602);
  for (size_t i = 0; i < outs; i++) {
    const uint8_t *window = row + 3 * (size_t)starts[i];
    const int32_t *w = weights + stride * i;
    size_t count = (size_t)counts[i], left = 3 * (pixels - (size_t)starts[i]);
    __m512i a = _mm512_setzero_si512(), b = a, c = a;
    for (size_t j = 0; j < count; j += 16) {
      size_t bytes = left - 3 * j;
      __mmask64 mask = bytes >= 48 ? 0xffffffffffffull : (1ull << bytes) - 1;
      __m512i p = _mm512_maskz_loadu_epi8(mask, window + 3 * j);
      __m512i v = _mm512_loadu_si512(w + j);
      p = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(lanes, p), spread);
      c = _mm512_dpbusd_epi32(c, p, _mm512_shuffle_epi8(v, digit_c));
      v = _mm512_add_epi32(v, _mm512_set1_epi32(0x80));
      b = _mm512_dpbusd_epi32(b, p, _mm512_shuffle_epi8(v, digit_b));
      v = _mm512_add_epi32(v, _mm512_set1_epi32(0x8000));
      a = _mm512_dpbusd_epi32(a, p, _mm512_shuffle_epi8(v, digit_a));
    }
    __m512i sums =
        _mm512_add_epi32(c, _mm512_add_epi32(_mm512_slli_epi32(b, 8), _mm512_slli_epi32(a, 16)));
    __m256i pair =
        _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
    store_pixel(out + 3 * i,
                _mm_add_epi32(_mm256_castsi256_si128(pair), _mm256_extracti128_si256(pair, 1)));
  }
}

__attribute__((target("avx2")))
static void accumulate_avx2(int32_t *sums, const uint8_t *row, int32_t weight, size_t count) {
  size_t i = 0;
  const __m256i w = _mm256_set1_epi32(weight);
  for (; i + 8 <= count; i += 8) {
    __m256i levels = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(row + i)));
    __m256i old = _mm256_loadu_si256((const __m256i *)(sums + i));
    _mm256_storeu_si256((__m256i *)(sums + i),
                        _mm256_add_epi32(old, _mm256_mullo_epi32(levels, w)));
  }
  accumulate_scalar(sums + i, row + i, weight, count - i);
}

__attribute__((target("avx512f,avx512bw")))
static void accumulate_avx512(int32_t *sums, const uint8_t *row, int32_t weight, size_t count) {
  const __m512i w = _mm512_set1_epi32(weight);
  for (size_t i = 0; i < count; i += 16) {
    size_t left = count - i;
    __mmask16 mask = left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
    __m128i bytes = _mm512_castsi512_si128(_mm512_maskz_loadu_epi8(mask, row + i));
    __m512i sum = _mm512_maskz_loadu_epi32(mask, sums + i);
    sum = _mm512_add_epi32(sum, _mm512_mullo_epi32(_mm512_cvtepu8_epi32(bytes), w));
    _mm512_mask_storeu_epi32(sums + i, mask, sum);
  }
}
#endif

void ck_resample_row_rgb(uint8_t *out, const uint8_t *row, size_t pixels, const int32_t *starts,
                         const int32_t *counts, const int32_t *weights, size_t stride, size_t outs,
                         CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
    resample_avx512vnni(out, row, pixels, starts, counts, weights, stride, outs);
    break;
  case CKInstructionSetAVXVNNI:
  case CKInstructionSetAVX2:
    resample_avx2(out, row, pixels, starts, counts, weights, stride, outs);
    break;
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    resample_neon(out, row, pixels, starts, counts, weights, stride, outs);
    break;
#endif
  default: resample_scalar(out, row, starts, counts, weights, stride, outs);
  }
}

void ck_accumulate_row(int32_t *sums, const uint8_t *row, int32_t weight, size_t count,
                       CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI: accumulate_avx512(sums, row, weight, count); break;
  case CKInstructionSetAVXVNNI:
  case CKInstructionSetAVX2: accumulate_avx2(sums, row, weight, count); break;
#endif
  // Of the scalar one compilers make NEON by themselves.
  default: accumulate_scalar(sums, row, weight, count);
  }
}

void ck_round_row(uint8_t *out, int32_t *sums, size_t count) {
  for (size_t i = 0; i < count; i++) {
    out[i] = clip((uint32_t)sums[i]);
    sums[i] = 0;
  }
}
