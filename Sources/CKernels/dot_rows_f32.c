#include "CKernels.h"
#include "panels.h"
#include "panels_neon.h"

static void dot_rows_f32_scalar(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                                const float *w, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t c = 0; c < k; c++) sum += (double)a[i * a_stride + c] * w[j * k + c];
      sums[i * sums_stride + j] = (float)sum;
    }
}

#if defined(__x86_64__)
WIDE static void dot_rows_f32_avx512(float *sums, size_t sums_stride, const float *a,
                                     size_t a_stride, const float *w, size_t m, size_t n, size_t k,
                                     CKPanel panel) {
  pack_panel(panel.scratch, NULL, w, n, 4 * k, 4 * k, OfFloats);
  multiply_panel(sums, sums_stride, a, a_stride, panel, m, n, k, OfFloats);
}
#elif defined(__aarch64__)
#define NAME(name) name##_floats
#define TARGET
#define Sum float
#define Sums float32x4_t
#define Operands float32x4_t
#define TAKEN 16
#define OPERANDS(from, left) vreinterpretq_f32_u8(load_16(from, left))
#define MULTIPLY_ADD(sums, a, w, word) vfmaq_laneq_f32(sums, w, a, word)
#include "rows_neon.h"

static void dot_rows_f32_neon(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                              const float *w, size_t m, size_t n, size_t k, CKPanel panel) {
  const size_t sides = neon_sides(n);
  const float zeros[SIDE] = {0};
  for (size_t side = 0; side < sides; side++, w += SIDE * k, sums += SIDE) {
    const size_t left = n - side * SIDE, columns = left < SIDE ? left : SIDE;
    const CKPanel part = neon_side(panel, side, sides);
    pack_words(part.scratch, w, columns, 4 * k);
    multiply_side_floats(sums, sums_stride, a, 4 * a_stride, part, zeros, m, columns, 4 * k);
  }
}
#endif

// The steps of packing are 16 bytes at most.
size_t ck_panel_bytes(size_t row_bytes) { return CK_PANEL * ((row_bytes + 15) / 16 * 16); }

void ck_dot_rows_f32(float *sums, size_t sums_stride, const float *a, size_t a_stride,
                     const float *w, size_t m, size_t n, size_t k, CKPanel panel,
                     CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
  case CKInstructionSetAVX512:
    return dot_rows_f32_avx512(sums, sums_stride, a, a_stride, w, m, n, k, panel);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    return dot_rows_f32_neon(sums, sums_stride, a, a_stride, w, m, n, k, panel);
#endif
  default: return dot_rows_f32_scalar(sums, sums_stride, a, a_stride, w, m, n, k);
  }
}
