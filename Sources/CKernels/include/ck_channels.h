#pragma once
#include "CKernels.h"

// What works on each channel of a map by itself: rows [places, channels]. The same bits on every
// instruction set, by the rules of ck_reproducible.h, since gradients are made of it too.

/// How a convolution goes over a map of `height` · `width` places.
typedef struct {
  size_t channels, height, width;
  size_t kernel_height, kernel_width;
  size_t stride_height, stride_width;
  /// Zeros on both sides.
  size_t padding_height, padding_width;
  /// Places in a line of the result.
  size_t columns;
} CKWindows;

/// Line y of a convolution of each channel by itself: out[x,c] = bias[c] + Σ weight[tap,c] ·
/// map[place,c] over the taps of the window that lie in the map, in their order.
///
/// out [columns, channels]; map [height · width, channels]; weight [kernel_height · kernel_width,
/// channels]; no bias means 0.
void ck_depthwise_f32(float *_Nonnull out, const float *_Nonnull map, const float *_Nonnull weight,
                      const float *_Nullable bias, CKWindows windows, size_t y,
                      CKInstructionSet isa);

/// values[r,c] = values[r,c] · factors[c] + summands[c], each rounded; no summands mean none.
///
/// values [rows, channels].
void ck_scale_channels_f32(float *_Nonnull values, const float *_Nonnull factors,
                           const float *_Nullable summands, size_t rows, size_t channels,
                           CKInstructionSet isa);
