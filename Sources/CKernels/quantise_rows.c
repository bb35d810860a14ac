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

// - poison: 0, or not a number where the row has such a value or an infinite one.
static Range range_of(float low, float high, float poison) {
  float width = high - low;
  // Below that the inverse would be infinite; so little is as good as nothing.
  if (!(width > 1e-30f) || poison != 0) return (Range){poison, 0, 0};
  float scale = width / 255.0f, inverse = 255.0f / width;
  float zero = -low * inverse;
  zero = zero + whole;
  zero = zero - whole;
  return (Range){scale + poison, inverse, zero};
}

static void quantise_rows_scalar(uint8_t *codes, float *scales, int32_t *zeros, const float *x,
                                 size_t rows, size_t width, size_t stride) {
  for (size_t r = 0; r < rows; r++, x += width, codes += stride) {
    float low = 0, high = 0, poison = 0;
    for (size_t i = 0; i < width; i++) {
      low = x[i] < low ? x[i] : low;
      high = x[i] > high ? x[i] : high;
      poison += x[i] * 0.0f;
    }
    Range range = range_of(low, high, poison);
    scales[r] = range.scale;
    zeros[r] = (int32_t)range.zero;
    for (size_t i = 0; i < width; i++) {
      float code = x[i] * range.inverse;
      code = code + whole;
      code = code - whole + range.zero;
      code = code > 0 ? code : 0;
      code = code < 255 ? code : 255;
      codes[i] = (uint8_t)code;
    }
  }
}

#define KERNEL "quantise_rows.c"
#include "each_width.h"

void ck_quantise_rows_u8(uint8_t *codes, float *scales, int32_t *zeros, const float *x, size_t rows,
                         size_t width, size_t stride, CKInstructionSet isa) {
  DISPATCH(isa, quantise_rows, codes, scales, zeros, x, rows, width, stride);
}

#else

static void V(quantise_rows)(uint8_t *codes, float *scales, int32_t *zeros, const float *x,
                             size_t rows, size_t width, size_t stride) {
  const Floats none = {0}, most = V(splat)(255);
  for (size_t r = 0; r < rows; r++, x += width, codes += stride) {
    Floats low = none, high = none, poison = none;
    for (size_t i = 0; i < width; i += LANES) {
      Floats v = V(load)(x + i, width - i);
      low = V(select)(v < low, v, low);
      high = V(select)(v > high, v, high);
      poison += v * 0.0f;
    }
    Range range = range_of(-V(maximum)(-low), V(maximum)(high), V(sum)(poison));
    scales[r] = range.scale;
    zeros[r] = (int32_t)range.zero;
    for (size_t i = 0; i < width; i += LANES) {
      Floats code = V(load)(x + i, width - i) * range.inverse;
      code = code + whole;
      code = code - whole + range.zero;
      code = V(select)(code > none, code, none);
      code = V(select)(code < most, code, most);
      Bytes bytes = __builtin_convertvector(__builtin_convertvector(code, Ints), Bytes);
      if (width - i >= LANES) __builtin_memcpy(codes + i, &bytes, LANES);
      else __builtin_memcpy(codes + i, &bytes, width - i);
    }
  }
}

#endif
