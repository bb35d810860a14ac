#ifndef LANES
#include "CKernels.h"

// See ck_channels.h: no product may be fused with a sum.
#pragma STDC FP_CONTRACT OFF

#define KERNEL "channels.c"
#include "every_width.h"

void ck_depthwise_f32(float *out, const float *map, const float *weight, const float *bias,
                      CKWindows windows, size_t y, CKInstructionSet isa) {
  DISPATCH(isa, depthwise, out, map, weight, bias, windows, y);
}

void ck_scale_channels_f32(float *values, const float *factors, const float *summands, size_t rows,
                           size_t channels, CKInstructionSet isa) {
  DISPATCH(isa, scale_channels, values, factors, summands, rows, channels);
}

#else

// `vectors` · LANES channels of a result, of which `left` are there; a sum each in a register.
INLINE void V(depthwise_columns)(float *out, const float *map, const float *weight,
                                 const float *bias, const CKWindows *w, size_t first_line,
                                 size_t last_line, size_t first_tap, size_t last_tap, long top,
                                 long left_edge, const int vectors, size_t left) {
  Floats sums[4];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++)
    sums[v] = bias ? V(load)(bias + v * LANES, left - (size_t)v * LANES) : V(splat)(0);
  for (size_t line = first_line; line < last_line; line++)
    for (size_t tap = first_tap; tap < last_tap; tap++) {
      const size_t place = (size_t)(top + (long)line) * w->width + (size_t)(left_edge + (long)tap);
      const float *from = map + place * w->channels;
      const float *factors = weight + (line * w->kernel_width + tap) * w->channels;
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        const size_t count = left - (size_t)v * LANES;
        sums[v] += V(load)(from + v * LANES, count) * V(load)(factors + v * LANES, count);
      }
    }
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++)
    V(store)(out + v * LANES, sums[v], left - (size_t)v * LANES);
}

static void V(depthwise)(float *out, const float *map, const float *weight, const float *bias,
                         CKWindows w, size_t y) {
  const long top = (long)(y * w.stride_height) - (long)w.padding_height;
  const long below = (long)w.height - top;
  const size_t first_line = top < 0 ? (size_t)-top : 0;
  const size_t last_line = below < (long)w.kernel_height ? (size_t)(below < 0 ? 0 : below)
                                                         : w.kernel_height;
  for (size_t x = 0; x < w.columns; x++, out += w.channels) {
    const long left = (long)(x * w.stride_width) - (long)w.padding_width;
    const long beyond = (long)w.width - left;
    const size_t first_tap = left < 0 ? (size_t)-left : 0;
    const size_t last_tap = beyond < (long)w.kernel_width ? (size_t)(beyond < 0 ? 0 : beyond)
                                                          : w.kernel_width;
    size_t c = 0;
    for (; c + 4 * LANES <= w.channels; c += 4 * LANES)
      V(depthwise_columns)(out + c, map + c, weight + c, bias ? bias + c : bias, &w, first_line,
                           last_line, first_tap, last_tap, top, left, 4, 4 * LANES);
    for (; c < w.channels; c += LANES)
      V(depthwise_columns)(out + c, map + c, weight + c, bias ? bias + c : bias, &w, first_line,
                           last_line, first_tap, last_tap, top, left, 1, w.channels - c);
  }
}

static void V(scale_channels)(float *values, const float *factors, const float *summands,
                              size_t rows, size_t channels) {
  for (size_t r = 0; r < rows; r++, values += channels)
    for (size_t c = 0; c < channels; c += LANES) {
      const size_t left = channels - c;
      Floats x = V(load)(values + c, left) * V(load)(factors + c, left);
      if (summands) x += V(load)(summands + c, left);
      V(store)(values + c, x, left);
    }
}

#endif
