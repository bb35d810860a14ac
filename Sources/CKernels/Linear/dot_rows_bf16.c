#ifndef LANES
#include <string.h>

#include "CKernels.h"
#include "activated.h"
#include "dot_bf16_neon.h"
#include "panels.h"

static float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void dot_rows_bf16_scalar(float *sums, size_t sums_stride, const uint16_t *a,
                                 size_t a_stride, const uint16_t *w, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t c = 0; c < k; c++)
        sum += (double)widened(a[i * a_stride + c]) * widened(w[j * k + c]);
      sums[i * sums_stride + j] = (float)sum;
    }
}

static void scale_dots_scalar(float *out, size_t out_stride, const float *sums, size_t sums_stride,
                              const float *steps, const float *bias, size_t m, size_t n,
                              CKActivation activation, bool accumulating) {
  for (size_t i = 0; i < m; i++, out += out_stride, sums += sums_stride)
    for (size_t j = 0; j < n; j++) {
      double x = (double)sums[j] * (steps ? steps[j] : 1) + (bias ? bias[j] : 0);
      out[j] = (float)((accumulating ? out[j] : 0) + activated(x, activation));
    }
}

#define KERNEL "dot_rows_bf16.c"
#include "each_width.h"

#if defined(__x86_64__)
WIDE static void dot_rows_bf16_avx512bf16(float *sums, size_t sums_stride, const uint16_t *a,
                                          size_t a_stride, const uint16_t *w, size_t m, size_t n,
                                          size_t k, CKPanel panel) {
  pack_panel(panel.scratch, w, n, 2 * k, 2 * k);
  multiply_panel(sums, sums_stride, a, a_stride, panel.scratch, panel.ahead, m, n, k, OfHalves);
}
#endif

void ck_dot_rows_bf16(float *sums, size_t sums_stride, const uint16_t *a, size_t a_stride,
                      const uint16_t *w, size_t m, size_t n, size_t k, CKPanel panel,
                      CKInstructionSet isa) {
#if defined(__x86_64__)
  if (isa == CKInstructionSetAVX512VNNI && __builtin_cpu_supports("avx512bf16"))
    return dot_rows_bf16_avx512bf16(sums, sums_stride, a, a_stride, w, m, n, k, panel);
#endif
#if defined(__aarch64__)
  if (isa != CKInstructionSetScalar)
    return dot_bf16_neon(sums, sums_stride, a, a_stride, w, m, n, k, panel, isa);
  dot_rows_bf16_scalar(sums, sums_stride, a, a_stride, w, m, n, k);
#else
  DISPATCH(isa, dot_rows_bf16, sums, sums_stride, a, a_stride, w, m, n, k);
#endif
}

void ck_scale_dots_f32(float *out, size_t out_stride, const float *sums, size_t sums_stride,
                       const float *steps, const float *bias, size_t m, size_t n,
                       CKActivation activation, bool accumulating, CKInstructionSet isa) {
  DISPATCH(isa, scale_dots, out, out_stride, sums, sums_stride, steps, bias, m, n, activation,
           accumulating);
}

#else

#if LANES != 4  // that is dot_bf16_neon.h's
INLINE Floats V(widened)(const uint16_t *from) {
  Halves v;
  __builtin_memcpy(&v, from, sizeof v);
  return (Floats)(__builtin_convertvector(v, Words) << 16);
}

// 2 rows of activations share each load of 4 rows of weights.
static void V(dot_rows_bf16)(float *sums, size_t sums_stride, const uint16_t *a,
                             size_t a_stride, const uint16_t *w, size_t m, size_t n, size_t k) {
  for (size_t j = 0; j < n; j += 4)
    for (size_t i = 0; i < m; i += 2) {
      const uint16_t *a0 = a + i * a_stride, *a1 = i + 1 < m ? a0 + a_stride : a0;
      Floats s0[4] = {{0}, {0}, {0}, {0}}, s1[4] = {{0}, {0}, {0}, {0}};
      for (size_t c = 0; c < k; c += LANES) {
        Floats u0 = V(widened)(a0 + c), u1 = V(widened)(a1 + c);
        for (size_t x = 0; x < 4; x++) {
          Floats v = V(widened)(w + (j + x < n ? j + x : n - 1) * k + c);
          s0[x] += u0 * v;
          s1[x] += u1 * v;
        }
      }
      for (size_t x = 0; x < 4 && j + x < n; x++) {
        sums[i * sums_stride + j + x] = V(sum)(s0[x]);
        if (i + 1 < m) sums[(i + 1) * sums_stride + j + x] = V(sum)(s1[x]);
      }
    }
}
#endif

// As in scale_sums.c, where the reasons stand.
INLINE void V(scale_dots_columns)(float *out, size_t out_stride, const float *sums,
                                  size_t sums_stride, const float *steps, const float *bias,
                                  size_t m, size_t n, CKActivation activation, bool accumulating) {
  const size_t second = n > LANES ? n - LANES : 0;
  Floats factors[2] = {V(splat)(1), V(splat)(1)}, terms[2] = {{0}, {0}};
  for (size_t x = 0; x < 2; x++) {
    const size_t left = x == 0 ? n : second;
    if (left > 0 && steps) factors[x] = V(load)(steps + x * LANES, left);
    if (left > 0 && bias) terms[x] = V(load)(bias + x * LANES, left);
  }
  for (size_t i = 0; i < m; i++, out += out_stride, sums += sums_stride) {
    __builtin_prefetch(out + 8 * out_stride, 1);
    __builtin_prefetch(out + 8 * out_stride + LANES, 1);
    for (size_t x = 0; x < 2; x++) {
      const size_t left = x == 0 ? n : second;
      if (left == 0) break;
      Floats v = V(load)(sums + x * LANES, left) * factors[x] + terms[x];
      v = V(activated)(v, activation);
      if (accumulating) v += V(load)(out + x * LANES, left);
      V(store)(out + x * LANES, v, left);
    }
  }
}

INLINE void V(scale_dots_rows)(float *out, size_t out_stride, const float *sums,
                               size_t sums_stride, const float *steps, const float *bias, size_t m,
                               size_t n, CKActivation activation, bool accumulating) {
  for (size_t j = 0; j < n; j += 2 * LANES) {
    const float *s = steps ? steps + j : steps, *b = bias ? bias + j : bias;
    if (n - j >= 2 * LANES)
      V(scale_dots_columns)(out + j, out_stride, sums + j, sums_stride, s, b, m, 2 * LANES,
                            activation, accumulating);
    else
      V(scale_dots_columns)(out + j, out_stride, sums + j, sums_stride, s, b, m, n - j, activation,
                            accumulating);
  }
}

static void V(scale_dots)(float *out, size_t out_stride, const float *sums, size_t sums_stride,
                          const float *steps, const float *bias, size_t m, size_t n,
                          CKActivation activation, bool accumulating) {
#define ROWS(activation, accumulating)                                                      \
  V(scale_dots_rows)(out, out_stride, sums, sums_stride, steps, bias, m, n, activation, \
                     accumulating)
  if (accumulating) return ROWS(CKActivationNone, true);
  switch (activation) {
  case CKActivationNone: return ROWS(CKActivationNone, false);
  case CKActivationQuickGELU: return ROWS(CKActivationQuickGELU, false);
  case CKActivationGELU: return ROWS(CKActivationGELU, false);
  case CKActivationTanhGELU: return ROWS(CKActivationTanhGELU, false);
  case CKActivationReLU: return ROWS(CKActivationReLU, false);
  case CKActivationSiLU: return ROWS(CKActivationSiLU, false);
  case CKActivationSigmoid: return ROWS(CKActivationSigmoid, false);
  case CKActivationTanh: return ROWS(CKActivationTanh, false);
  }
#undef ROWS
}

#endif
