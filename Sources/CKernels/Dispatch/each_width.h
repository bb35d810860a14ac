// Compiles the vector half of a kernel's file once for each instruction set that this processor
// family has. The file defines KERNEL as its own name and includes this; while it is being included
// again, LANES says how many floats a vector holds, and V(name) gives a name of this width.

#if defined(__x86_64__)
#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 8
#define V(name) name##_avx2
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V
#pragma clang attribute pop

#pragma clang attribute push(                                                   \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define LANES 16
#define V(name) name##_avx512
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V
#pragma clang attribute pop

#define DISPATCH(isa, name, ...)                                                \
  switch (isa) {                                                                \
  case CKInstructionSetAVX512VNNI:                                              \
  case CKInstructionSetAVX512: return name##_avx512(__VA_ARGS__);               \
  case CKInstructionSetAVXVNNI:                                                 \
  case CKInstructionSetAVX2: return name##_avx2(__VA_ARGS__);                   \
  default: return name##_scalar(__VA_ARGS__);                                   \
  }

#elif defined(__aarch64__)

#define LANES 4
#define V(name) name##_neon
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V

#define DISPATCH(isa, name, ...)                                                \
  switch (isa) {                                                                \
  case CKInstructionSetNEONI8MM:                                                \
  case CKInstructionSetNEONDotProd:                                             \
  case CKInstructionSetNEON: return name##_neon(__VA_ARGS__);                   \
  default: return name##_scalar(__VA_ARGS__);                                   \
  }

#else
#define DISPATCH(isa, name, ...) return name##_scalar(__VA_ARGS__)
#endif
