#include "CKernels.h"
#include "dot_f32_neon.h"
#include "panels.h"

// In all of these the weights are rows w of k, or a panel of codes of k columns; the other is NULL.

static void dot_f32_scalar(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                           const float *w, const int8_t *codes, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t c = 0; c < k; c++)
        sum += (double)a[i * a_stride + c] * (w ? w[j * k + c] : codes[ck_panel_index(j, c)]);
      sums[i * sums_stride + j] = (float)sum;
    }
}

#if defined(__x86_64__)
WIDE static void dot_f32_avx512(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                                const float *w, const int8_t *codes, size_t m, size_t n, size_t k,
                                CKPanel panel) {
  if (w) pack_panel(panel.scratch, w, n, 4 * k, 4 * k);
  else widen_panel(panel.scratch, codes, (k + 3) / 4 * 4);
  multiply_panel(sums, sums_stride, a, a_stride, panel.scratch, panel.ahead, m, n, k, OfFloats);
}
#endif

static void dot_f32(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                    const float *w, const int8_t *codes, size_t m, size_t n, size_t k,
                    CKPanel panel, CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
  case CKInstructionSetAVX512:
    return dot_f32_avx512(sums, sums_stride, a, a_stride, w, codes, m, n, k, panel);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    return dot_f32_neon(sums, sums_stride, a, a_stride, w, codes, m, n, k, panel);
#endif
  default: return dot_f32_scalar(sums, sums_stride, a, a_stride, w, codes, m, n, k);
  }
}

void ck_dot_rows_f32(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                     const float *w, size_t m, size_t n, size_t k, CKPanel panel,
                     CKInstructionSet isa) {
  dot_f32(sums, sums_stride, a, a_stride, w, NULL, m, n, k, panel, isa);
}

void ck_dot_codes_f32(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                      const int8_t *codes, size_t m, size_t n, size_t k, CKPanel panel,
                      CKInstructionSet isa) {
  dot_f32(sums, sums_stride, a, a_stride, NULL, codes, m, n, k, panel, isa);
}
