#ifndef LANES
#include "CKernels.h"

// One arithmetic for all processors: lanes.h.
#pragma STDC FP_CONTRACT OFF
#define FUSED

#define KERNEL "scale_sums.c"
#include "every_width.h"

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

// At most two vectors of columns, all rows. What depends on the column stays in registers; the
// lines of the rows to come are fetched, for they lie far apart.
INLINE void V(scale_sums_columns)(float *out, size_t out_stride, const int32_t *sums,
                                  size_t sums_stride, CKScaling s, const size_t planes, size_t m,
                                  size_t n, CKActivation activation, bool accumulating) {
  const size_t second = n > LANES ? n - LANES : 0;
  const Floats steps[2] = {V(load)(s.steps, n), V(load)(s.steps + LANES, second)};
  const Words row_sums[2] = {V(load_words)(s.row_sums, n),
                             V(load_words)(s.row_sums + LANES, second)};
  Floats bias[2] = {{0}, {0}};
  if (s.bias) {
    bias[0] = V(load)(s.bias, n);
    bias[1] = V(load)(s.bias + LANES, second);
  }
  for (size_t i = 0; i < m; i++, out += out_stride, sums += planes * sums_stride) {
    __builtin_prefetch(out + 8 * out_stride, 1);
    __builtin_prefetch(out + 8 * out_stride + LANES, 1);
    for (size_t x = 0; x < 2; x++) {
      const size_t left = x == 0 ? n : second;
      if (left == 0) break;
      Floats v = {0};
      for (size_t p = 0; p < planes; p++) {
        // Wraps as sums of codes may, although their difference then never overflows.
        Words sum = V(load_words)(sums + p * sums_stride + x * LANES, left) -
                    row_sums[x] * (uint32_t)s.zeros[planes * i + p];
        Floats centred = __builtin_convertvector((Ints)sum, Floats);
        v = p == 0 ? centred : V(fma)(v, V(splat)(256.0f), centred);
      }
      v = V(fma)(v, steps[x] * s.scales[i], bias[x]);
      v = V(activated)(v, activation);
      if (accumulating) v += V(load)(out + x * LANES, left);
      V(store)(out + x * LANES, v, left);
    }
  }
}

INLINE void V(scale_sums_rows)(float *out, size_t out_stride, const int32_t *sums,
                               size_t sums_stride, CKScaling s, const size_t planes, size_t m,
                               size_t n, CKActivation activation, bool accumulating) {
  for (size_t j = 0; j < n; j += 2 * LANES) {
    CKScaling part = s;
    part.steps += j;
    part.row_sums += j;
    if (s.bias) part.bias += j;
    // Whole vectors apart, so that the compiler knows them to be whole.
    if (n - j >= 2 * LANES)
      V(scale_sums_columns)(out + j, out_stride, sums + j, sums_stride, part, planes, m,
                            2 * LANES, activation, accumulating);
    else
      V(scale_sums_columns)(out + j, out_stride, sums + j, sums_stride, part, planes, m, n - j,
                            activation, accumulating);
  }
}

INLINE void V(scale_planes)(float *out, size_t out_stride, const int32_t *sums,
                            size_t sums_stride, CKScaling s, const size_t planes, size_t m,
                            size_t n, CKActivation activation, bool accumulating) {
#define ROWS(activation, accumulating) \
  V(scale_sums_rows)(out, out_stride, sums, sums_stride, s, planes, m, n, activation, accumulating)
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

static void V(scale_sums)(float *out, size_t out_stride, const int32_t *sums, size_t sums_stride,
                          CKScaling s, size_t m, size_t n, CKActivation activation,
                          bool accumulating) {
  if (s.planes == 1)
    V(scale_planes)(out, out_stride, sums, sums_stride, s, 1, m, n, activation, accumulating);
  else V(scale_planes)(out, out_stride, sums, sums_stride, s, 2, m, n, activation, accumulating);
}

#endif
