#ifndef LANES
#include <string.h>

#include "CKernels.h"
#include "activated.h"

static float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void dot_rows_bf16_scalar(float *sums, size_t sums_stride, const uint16_t *a,
                                 const uint16_t *w, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++) {
      double sum = 0;
      for (size_t c = 0; c < k; c++) sum += (double)widened(a[i * k + c]) * widened(w[j * k + c]);
      sums[i * sums_stride + j] = (float)sum;
    }
}

static void i8_to_bf16_scalar(uint16_t *out, const int8_t *codes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value = codes[i];
    memcpy(out + i, (const char *)&value + 2, 2);
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
#include <immintrin.h>

#define BF16 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

// Sums of 4 vectors, one in each lane of 32 bits, for each lane of 128 bits.
BF16 static inline __m512 fold_4(const __m512 *v) {
  __m512 low = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
  __m512 high = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
  return _mm512_add_ps(
      _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(low), _mm512_castps_pd(high))),
      _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(low), _mm512_castps_pd(high))));
}

// Lane r of 128 bits is the sum of the lanes of v[r].
BF16 static inline __m512 fold_lanes(__m512 v0, __m512 v1, __m512 v2, __m512 v3) {
  __m512 low = _mm512_add_ps(_mm512_shuffle_f32x4(v0, v1, 0x88), _mm512_shuffle_f32x4(v0, v1, 0xdd));
  __m512 high = _mm512_add_ps(_mm512_shuffle_f32x4(v2, v3, 0x88), _mm512_shuffle_f32x4(v2, v3, 0xdd));
  return _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
}

// 4 rows by 4: as in dot_rows_u8_s8.c, where the reasons stand.
BF16 static void dot_rows_bf16_avx512bf16(float *sums, size_t sums_stride, const uint16_t *a,
                                          const uint16_t *w, size_t m, size_t n, size_t k) {
  enum { GROUP = 4 };
  for (size_t j = 0; j < n; j += GROUP) {
    const size_t columns = n - j < GROUP ? n - j : GROUP;
    const uint16_t *ws[GROUP];
    for (size_t c = 0; c < GROUP; c++) ws[c] = w + (c < columns ? j + c : n - 1) * k;
    for (size_t r = 0; r < m; r += GROUP) {
      const size_t rows = m - r < GROUP ? m - r : GROUP;
      const uint16_t *as[GROUP];
      for (size_t x = 0; x < GROUP; x++) as[x] = a + (x < rows ? r + x : m - 1) * k;
      __m512 s[GROUP][GROUP];
      for (size_t x = 0; x < GROUP; x++)
        for (size_t c = 0; c < GROUP; c++) s[x][c] = _mm512_setzero_ps();
      for (size_t i = 0; i < k; i += 32) {
        __m512bh v[GROUP];
        for (size_t c = 0; c < GROUP; c++) v[c] = (__m512bh)_mm512_loadu_si512(ws[c] + i);
        for (size_t x = 0; x < GROUP; x++) {
          __m512bh u = (__m512bh)_mm512_loadu_si512(as[x] + i);
          for (size_t c = 0; c < GROUP; c++) s[x][c] = _mm512_dpbf16_ps(s[x][c], u, v[c]);
        }
      }
      float found[GROUP * GROUP];
      _mm512_storeu_ps(found, fold_lanes(fold_4(s[0]), fold_4(s[1]), fold_4(s[2]), fold_4(s[3])));
      for (size_t x = 0; x < rows; x++)
        memcpy(sums + (r + x) * sums_stride + j, found + GROUP * x, 4 * columns);
    }
  }
}
#endif

void ck_dot_rows_bf16(float *sums, size_t sums_stride, const uint16_t *a, const uint16_t *w,
                      size_t m, size_t n, size_t k, CKInstructionSet isa) {
#if defined(__x86_64__)
  if (isa == CKInstructionSetAVX512VNNI && __builtin_cpu_supports("avx512bf16"))
    return dot_rows_bf16_avx512bf16(sums, sums_stride, a, w, m, n, k);
#endif
  DISPATCH(isa, dot_rows_bf16, sums, sums_stride, a, w, m, n, k);
}

void ck_i8_to_bf16(uint16_t *out, const int8_t *codes, size_t count, CKInstructionSet isa) {
  DISPATCH(isa, i8_to_bf16, out, codes, count);
}

void ck_scale_dots_f32(float *out, size_t out_stride, const float *sums, size_t sums_stride,
                       const float *steps, const float *bias, size_t m, size_t n,
                       CKActivation activation, bool accumulating, CKInstructionSet isa) {
  DISPATCH(isa, scale_dots, out, out_stride, sums, sums_stride, steps, bias, m, n, activation,
           accumulating);
}

#else

INLINE Floats V(widened)(const uint16_t *from) {
  Halves v;
  __builtin_memcpy(&v, from, sizeof v);
  return (Floats)(__builtin_convertvector(v, Words) << 16);
}

// 2 rows of activations share each load of 4 rows of weights.
static void V(dot_rows_bf16)(float *sums, size_t sums_stride, const uint16_t *a, const uint16_t *w,
                             size_t m, size_t n, size_t k) {
  for (size_t j = 0; j < n; j += 4)
    for (size_t i = 0; i < m; i += 2) {
      const uint16_t *a0 = a + i * k, *a1 = i + 1 < m ? a0 + k : a0;
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

static void V(i8_to_bf16)(uint16_t *out, const int8_t *codes, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    Bytes v;
    __builtin_memcpy(&v, codes + i, sizeof v);
    Words bits = (Words)__builtin_convertvector(v, Floats) >> 16;
    Halves halves = __builtin_convertvector(bits, Halves);
    __builtin_memcpy(out + i, &halves, sizeof halves);
  }
  i8_to_bf16_scalar(out + i, codes + i, count - i);
}

INLINE void V(scale_dots_rows)(float *out, size_t out_stride, const float *sums,
                               size_t sums_stride, const float *steps, const float *bias, size_t m,
                               size_t n, CKActivation activation, bool accumulating) {
  for (size_t i = 0; i < m; i++, out += out_stride, sums += sums_stride)
    for (size_t j = 0; j < n; j += LANES) {
      const size_t left = n - j;
      Floats x = V(load)(sums + j, left);
      if (steps) x *= V(load)(steps + j, left);
      if (bias) x += V(load)(bias + j, left);
      x = V(activated)(x, activation);
      if (accumulating) x += V(load)(out + j, left);
      V(store)(out + j, x, left);
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
  }
#undef ROWS
}

#endif
