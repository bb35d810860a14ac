#ifndef LANES
#include <math.h>
#include <string.h>

#include "CKernels.h"

// A code must not depend on the processor that chose it.
#pragma STDC FP_CONTRACT OFF

// At 1.5·2²³ a float's last bit is worth one: adding it rounds to a whole number, ties to even.
static const float whole = 12582912.0f;

typedef struct {
  float scale, inverse, zero;
} Range;

// What codes of one or two planes reach to.
static float levels_of(size_t planes) { return planes == 1 ? 255.0f : 65535.0f; }

// - poison: 0, or not a number where the row has such a value or an infinite one.
static Range range_of(float low, float high, float poison, float levels) {
  float width = high - low;
  // Below that the inverse would be infinite; so little is as good as nothing.
  if (!(width > 1e-30f) || poison != 0) return (Range){poison, 0, 0};
  float scale = width / levels, inverse = levels / width;
  float zero = -low * inverse;
  zero = zero + whole;
  zero = zero - whole;
  return (Range){scale + poison, inverse, zero};
}

// The bytes of a code, most significant first, `stride` apart.
static void take_apart(uint8_t *planes, size_t count, size_t stride, uint32_t code) {
  if (count == 2) planes[stride] = (uint8_t)code;
  planes[0] = (uint8_t)(count == 2 ? code >> 8 : code);
}

static void quantise_rows_scalar(uint8_t *codes, float *scales, int32_t *zeros, const float *x,
                                 size_t rows, size_t width, size_t stride, size_t planes) {
  for (size_t r = 0; r < rows; r++, x += width, codes += planes * stride) {
    float low = 0, high = 0, poison = 0;
    for (size_t i = 0; i < width; i++) {
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
      poison += x[i] * 0.0f;
    }
    const float levels = levels_of(planes);
    Range range = range_of(low, high, poison, levels);
    scales[r] = range.scale;
    for (size_t p = 0; p < planes; p++)
      zeros[planes * r + p] = (int32_t)range.zero >> 8 * (planes - 1 - p) & 255;
    for (size_t i = 0; i < width; i++) {
      float code = x[i] * range.inverse;
      code = code + whole;
      code = code - whole + range.zero;
      code = code > 0 ? code : 0;
      code = code < levels ? code : levels;
      take_apart(codes + i, planes, stride, (uint32_t)code);
    }
  }
}

#define KERNEL "quantise_rows.c"
#include "each_width.h"

void ck_quantise_rows_u8(uint8_t *codes, float *scales, int32_t *zeros, const float *x, size_t rows,
                         size_t width, size_t stride, size_t planes, CKInstructionSet isa) {
  DISPATCH(isa, quantise_rows, codes, scales, zeros, x, rows, width, stride, planes);
}

#else

// LANES codes. The same as the reference's: a conversion rounds as adding 1.5·2²³ does.
INLINE void V(write_codes)(uint8_t *codes, Floats v, Range range, size_t count, size_t stride,
                           const size_t planes) {
#if LANES == 16
  const __mmask16 mask = (__mmask16)(count < 16 ? (1u << count) - 1 : 0xffff);
  __m512i code = _mm512_add_epi32(_mm512_cvtps_epi32(v * range.inverse),
                                  _mm512_set1_epi32((int32_t)range.zero));
  code = _mm512_max_epi32(code, _mm512_setzero_si512());
  code = _mm512_min_epi32(code, _mm512_set1_epi32((int32_t)levels_of(planes)));
  if (planes == 2) {
    _mm512_mask_cvtepi32_storeu_epi8(codes + stride, mask, code);
    code = _mm512_srli_epi32(code, 8);
  }
  _mm512_mask_cvtepi32_storeu_epi8(codes, mask, code);
#else
  const Floats none = {0}, most = V(splat)(levels_of(planes));
  Floats code = v * range.inverse;
  code = code + whole;
  code = code - whole + range.zero;
  code = V(select)(code > none, code, none);
  code = V(select)(code < most, code, most);
  Ints words = __builtin_convertvector(code, Ints);
  for (size_t p = 0; p < planes; p++) {
    // The low byte of each, whatever the sign of that byte.
    Ints plane = ((words >> (int32_t)(8 * (planes - 1 - p))) & 255) << 24 >> 24;
    Bytes bytes = __builtin_convertvector(plane, Bytes);
    if (count >= LANES) __builtin_memcpy(codes + p * stride, &bytes, LANES);
    else __builtin_memcpy(codes + p * stride, &bytes, count);
  }
#endif
}

INLINE void V(quantise_planes)(uint8_t *codes, float *scales, int32_t *zeros, const float *x,
                               size_t rows, size_t width, size_t stride, const size_t planes) {
  for (size_t r = 0; r < rows; r++, x += width, codes += planes * stride) {
    // Two of each, so that none has to wait for the one before.
    Floats low[2] = {{0}, {0}}, high[2] = {{0}, {0}}, poison[2] = {{0}, {0}};
    for (size_t i = 0; i < width; i += 2 * LANES)
      for (size_t h = 0; h < 2; h++) {
        const size_t start = i + h * LANES;
        if (start >= width) break;
        Floats v = V(load)(x + start, width - start);
        low[h] = V(select)(v < low[h], v, low[h]);
        high[h] = V(select)(v > high[h], v, high[h]);
        poison[h] += v * 0.0f;
      }
    low[0] = V(select)(low[1] < low[0], low[1], low[0]);
    Range range = range_of(-V(maximum)(-low[0]), V(maximum)(V(greater)(high[0], high[1])),
                           V(sum)(poison[0] + poison[1]), levels_of(planes));
    scales[r] = range.scale;
    for (size_t p = 0; p < planes; p++)
      zeros[planes * r + p] = (int32_t)range.zero >> 8 * (planes - 1 - p) & 255;
    for (size_t i = 0; i < width; i += LANES)
      V(write_codes)(codes + i, V(load)(x + i, width - i), range, width - i, stride, planes);
  }
}

static void V(quantise_rows)(uint8_t *codes, float *scales, int32_t *zeros, const float *x,
                             size_t rows, size_t width, size_t stride, size_t planes) {
  if (planes == 1) V(quantise_planes)(codes, scales, zeros, x, rows, width, stride, 1);
  else V(quantise_planes)(codes, scales, zeros, x, rows, width, stride, 2);
}

#endif
