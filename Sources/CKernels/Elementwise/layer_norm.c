#ifndef LANES
#include <math.h>

#include "CKernels.h"

// One arithmetic for all processors: lanes.h.
#pragma STDC FP_CONTRACT OFF
#define FUSED

#define KERNEL "layer_norm.c"
#include "every_width.h"

void ck_layer_norm_f32(float *out, const float *in, const float *weight, const float *bias,
                       size_t rows, size_t width, float epsilon, CKInstructionSet isa) {
  DISPATCH(isa, layer_norm, out, in, weight, bias, rows, width, epsilon);
}

#else

static void V(layer_norm)(float *out, const float *in, const float *weight, const float *bias,
                          size_t rows, size_t width, float epsilon) {
  for (size_t r = 0; r < rows; r++, in += width, out += width) {
    // Two sums of 16 parts each, so that an addition need not wait for the one before.
    Floats s0[V(PARTS)] = {{0}}, s1[V(PARTS)] = {{0}};
    size_t i = 0;
    for (; i + 32 <= width; i += 32)
      for (size_t x = 0; x < V(PARTS); x++) {
        s0[x] += V(load)(in + i + x * LANES, LANES);
        s1[x] += V(load)(in + i + 16 + x * LANES, LANES);
      }
    for (size_t x = 0; i < width; i += LANES, x = (x + 1) % V(PARTS))
      s0[x] += V(load)(in + i, width - i);
    for (size_t x = 0; x < V(PARTS); x++) s0[x] += s1[x];
    const float mean = V(sum_of_parts)(s0) / (float)width;

    for (size_t x = 0; x < V(PARTS); x++) s0[x] = s1[x] = (Floats){0};
    for (i = 0; i + 32 <= width; i += 32)
      for (size_t x = 0; x < V(PARTS); x++) {
        const float *from = in + i + x * LANES;
        Floats a = V(load)(from, LANES) - mean, b = V(load)(from + 16, LANES) - mean;
        s0[x] = V(fma)(a, a, s0[x]);
        s1[x] = V(fma)(b, b, s1[x]);
      }
    for (size_t x = 0; i < width; i += LANES, x = (x + 1) % V(PARTS)) {
      Floats a = V(first)(width - i, V(load)(in + i, width - i) - mean, 0);
      s0[x] = V(fma)(a, a, s0[x]);
    }
    for (size_t x = 0; x < V(PARTS); x++) s0[x] += s1[x];
    const float scale = 1 / sqrtf(V(sum_of_parts)(s0) / (float)width + epsilon);

    for (i = 0; i < width; i += LANES) {
      size_t left = width - i;
      Floats v = (V(load)(in + i, left) - mean) * scale;
      V(store)(out + i, V(fma)(v, V(load)(weight + i, left), V(load)(bias + i, left)), left);
    }
  }
}

#endif
