// One body a kernel, which the compiler vectorises anew for each instruction set. After
//
//   BODY float sum_body(const float *x, size_t count) { … }
//   MULTIVERSION(float, sum, (const float *x, size_t count), (x, count))
//
// `sum_for(isa)` is the version for an instruction set. For kernels whose plain C vectorises well;
// those written in vectors use each_width.h.
#pragma once
#include "CKernels.h"

#define BODY static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,f16c")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c")))
#define MULTIVERSION(result, name, parameters, arguments)                 \
  AVX2 static result name##_avx2 parameters { return name##_body arguments; }     \
  AVX512 static result name##_avx512 parameters { return name##_body arguments; } \
  static result name##_scalar parameters { return name##_body arguments; }        \
  typedef result (*name##_kernel) parameters;                                     \
  static name##_kernel name##_for(CKInstructionSet isa) {                         \
    switch (isa) {                                                                \
    case CKInstructionSetScalar: return name##_scalar;                            \
    case CKInstructionSetAVXVNNI:                                                 \
    case CKInstructionSetAVX2: return name##_avx2;                                \
    default: return name##_avx512;                                                \
    }                                                                             \
  }
// NEON is part of every processor that this is compiled for: the scalar version uses it.
#else
#define MULTIVERSION(result, name, parameters, arguments)                      \
  typedef result (*name##_kernel) parameters;                              \
  static result name##_scalar parameters { return name##_body arguments; } \
  static name##_kernel name##_for(CKInstructionSet isa) {                  \
    (void)isa;                                                             \
    return name##_scalar;                                                  \
  }
#endif
