#ifndef LANES
#include "CKernels.h"
#include "activated.h"

// Wraps as sums of codes may, although their difference then never overflows.
#define CENTRED(sum, zero, row_sum) \
  ((int32_t)((uint32_t)(sum) - (uint32_t)(zero) * (uint32_t)(row_sum)))

static void scale_sums_scalar(float *out, size_t out_stride, const int32_t *sums,
                              size_t sums_stride, CKScaling s, size_t m, size_t n,
                              CKActivation activation, bool accumulating) {
  for (size_t i = 0; i < m; i++, out += out_stride, sums += sums_stride)
    for (size_t j = 0; j < n; j++) {
      double x = CENTRED(sums[j], s.zeros[i], s.row_sums[j]);
      x = x * s.scales[i] * s.steps[j] + (s.bias ? s.bias[j] : 0);
      out[j] = (float)((accumulating ? out[j] : 0) + activated(x, activation));
    }
}

#define KERNEL "scale_sums.c"
#include "each_width.h"

void ck_scale_sums_f32(float *out, size_t out_stride, const int32_t *sums, size_t sums_stride,
                       CKScaling scaling, size_t m, size_t n, CKActivation activation,
                       bool accumulating, CKInstructionSet isa) {
  DISPATCH(isa, scale_sums, out, out_stride, sums, sums_stride, scaling, m, n, activation,
           accumulating);
}

#else

INLINE Words V(load_words)(const int32_t *from, size_t count) {
  Words v = {0};
  if (count >= LANES) __builtin_memcpy(&v, from, sizeof v);
  else __builtin_memcpy(&v, from, 4 * count);
  return v;
}

INLINE void V(scale_sums_rows)(float *out, size_t out_stride, const int32_t *sums,
                               size_t sums_stride, CKScaling s, size_t m, size_t n,
                               CKActivation activation, bool accumulating) {
  for (size_t i = 0; i < m; i++, out += out_stride, sums += sums_stride) {
    const uint32_t zero = (uint32_t)s.zeros[i];
    const float scale = s.scales[i];
    for (size_t j = 0; j < n; j += LANES) {
      const size_t left = n - j;
      Words sum = V(load_words)(sums + j, left) - V(load_words)(s.row_sums + j, left) * zero;
      Floats x = __builtin_convertvector((Ints)sum, Floats) * (V(load)(s.steps + j, left) * scale);
      if (s.bias) x += V(load)(s.bias + j, left);
      x = V(activated)(x, activation);
      if (accumulating) x += V(load)(out + j, left);
      V(store)(out + j, x, left);
    }
  }
}

static void V(scale_sums)(float *out, size_t out_stride, const int32_t *sums, size_t sums_stride,
                          CKScaling s, size_t m, size_t n, CKActivation activation,
                          bool accumulating) {
#define ROWS(activation, accumulating) \
  V(scale_sums_rows)(out, out_stride, sums, sums_stride, s, m, n, activation, accumulating)
  if (accumulating) return ROWS(CKActivationNone, true);
  switch (activation) {
  case CKActivationNone: return ROWS(CKActivationNone, false);
  case CKActivationQuickGELU: return ROWS(CKActivationQuickGELU, false);
  case CKActivationGELU: return ROWS(CKActivationGELU, false);
  }
#undef ROWS
}

#endif
