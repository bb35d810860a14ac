#include "CKernels.h"
#include "dot_panel_neon.h"
#include "panels.h"

// The reference: what every other version of this kernel is tested against.
static void dot_panel_scalar(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                             const int8_t *panel, size_t m, size_t n, size_t k) {
  for (size_t i = 0; i < m; i++, a += a_stride, sums += sums_stride)
    for (size_t j = 0; j < n; j++) {
      sums[j] = 0;
      for (size_t c = 0; c < k; c++) sums[j] += (int32_t)a[c] * panel[ck_panel_index(j, c)];
    }
}

#if defined(__x86_64__)
// maddubs would saturate at int16, so both sides are widened first.
#define NAME(part) dot_##part##_avx2
#define TARGET __attribute__((target("avx2")))
#define VECTOR __m256i
#define FEW 5
#define LOAD(from) _mm256_loadu_si256((const __m256i *)(from))
#define OP(name) _mm256_##name
#include "dot_panel_16.h"

#define NAME(part) dot_##part##_avx512
#define TARGET __attribute__((target("avx2,avx512f,avx512bw")))
#define VECTOR __m512i
// There are registers for both.
#define FEW SIZE_MAX
#define LOAD(from) _mm512_loadu_si512(from)
#define OP(name) _mm512_##name
#include "dot_panel_16.h"

#define NAME dot_panel_avxvnni
#define TARGET __attribute__((target("avx2,avxvnni")))
#define MULTIPLY_ADD _mm256_dpbusd_avx_epi32
#include "dot_panel_256.h"

#define NAME dot_panel_avx512vl
#define TARGET __attribute__((target("avx2,avx512f,avx512vl,avx512vnni")))
#define MULTIPLY_ADD _mm256_dpbusd_epi32
#include "dot_panel_256.h"

WIDE static void dot_panel_avx512vnni(int32_t *sums, size_t sums_stride, const uint8_t *a,
                                      size_t a_stride, const int8_t *panel, size_t m, size_t n,
                                      size_t k, CKAhead ahead) {
  multiply_panel(sums, sums_stride, a, a_stride, panel, ahead, m, n, k, OfBytes);
}
#endif

void ck_dot_panel_u8_s8(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                        const int8_t *panel, size_t m, size_t n, size_t k, CKAhead ahead,
                        CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX512VNNI:
    return dot_panel_avx512vnni(sums, sums_stride, a, a_stride, panel, m, n, k, ahead);
  case CKInstructionSetAVXVNNI:
    if (__builtin_cpu_supports("avxvnni"))
      return dot_panel_avxvnni(sums, sums_stride, a, a_stride, panel, m, n, k);
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"))
      return dot_panel_avx512vl(sums, sums_stride, a, a_stride, panel, m, n, k);
    return dot_panel_avx2(sums, sums_stride, a, a_stride, panel, m, n, k);
  case CKInstructionSetAVX512:
    return dot_panel_avx512(sums, sums_stride, a, a_stride, panel, m, n, k);
  case CKInstructionSetAVX2:
    return dot_panel_avx2(sums, sums_stride, a, a_stride, panel, m, n, k);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON:
    return dot_panel_neon(sums, sums_stride, a, a_stride, panel, m, n, k, ahead, isa);
#endif
  default: return dot_panel_scalar(sums, sums_stride, a, a_stride, panel, m, n, k);
  }
}
