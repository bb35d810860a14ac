#ifndef LANES
#include <math.h>

#include "CKernels.h"

static void layer_norm_scalar(float *out, const float *in, const float *weight, const float *bias,
                              size_t rows, size_t width, float epsilon) {
  for (size_t r = 0; r < rows; r++, in += width, out += width) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < width; i++) mean += in[i];
    mean /= (double)width;
    for (size_t i = 0; i < width; i++) variance += (in[i] - mean) * (in[i] - mean);
    double scale = 1 / sqrt(variance / (double)width + epsilon);
    for (size_t i = 0; i < width; i++)
      out[i] = (float)((in[i] - mean) * scale * weight[i] + bias[i]);
  }
}

#define KERNEL "layer_norm.c"
#include "each_width.h"

void ck_layer_norm_f32(float *out, const float *in, const float *weight, const float *bias,
                       size_t rows, size_t width, float epsilon, CKInstructionSet isa) {
  DISPATCH(isa, layer_norm, out, in, weight, bias, rows, width, epsilon);
}

#else

static void V(layer_norm)(float *out, const float *in, const float *weight, const float *bias,
                          size_t rows, size_t width, float epsilon) {
  for (size_t r = 0; r < rows; r++, in += width, out += width) {
    // Two sums each, so that an addition need not wait for the one before.
    Floats s0 = {0}, s1 = {0};
    size_t i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
      s0 += V(load)(in + i, LANES);
      s1 += V(load)(in + i + LANES, LANES);
    }
    for (; i < width; i += LANES) s0 += V(load)(in + i, width - i);
    float mean = V(sum)(s0 + s1) / (float)width;

    s0 = s1 = (Floats){0};
    for (i = 0; i + 2 * LANES <= width; i += 2 * LANES) {
      Floats a = V(load)(in + i, LANES) - mean, b = V(load)(in + i + LANES, LANES) - mean;
      s0 += a * a;
      s1 += b * b;
    }
    for (; i < width; i += LANES) {
      Floats a = V(first)(width - i, V(load)(in + i, width - i) - mean, 0);
      s0 += a * a;
    }
    float scale = 1 / sqrtf(V(sum)(s0 + s1) / (float)width + epsilon);

    for (i = 0; i < width; i += LANES) {
      size_t left = width - i;
      Floats v = (V(load)(in + i, left) - mean) * scale;
      V(store)(out + i, v * V(load)(weight + i, left) + V(load)(bias + i, left), left);
    }
  }
}

#endif
