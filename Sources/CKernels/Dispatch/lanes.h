// Vectors of LANES floats, and what the kernels need to do with them. Included once a width by
// each_width.h, hence without a guard. The operators are those of Clang's vector types.

typedef float V(Floats) __attribute__((vector_size(4 * LANES)));
typedef int32_t V(Ints) __attribute__((vector_size(4 * LANES)));
typedef uint32_t V(Words) __attribute__((vector_size(4 * LANES)));
typedef uint16_t V(Halves) __attribute__((vector_size(2 * LANES)));
typedef int8_t V(Bytes) __attribute__((vector_size(LANES)));

#define Floats V(Floats)
#define Ints V(Ints)
#define Words V(Words)
#define Halves V(Halves)
#define Bytes V(Bytes)
#define INLINE static inline __attribute__((always_inline, unused))

// Nothing beyond `count` is read or written; missing lanes are 0. Floats may begin at any address.
INLINE Floats V(load)(const void *from, size_t count) {
  Floats v = {0};
  if (count >= LANES) __builtin_memcpy(&v, from, sizeof v);
#if LANES == 16
  else v = _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), from);
#else
  else __builtin_memcpy(&v, from, 4 * count);
#endif
  return v;
}

INLINE void V(store)(void *to, Floats v, size_t count) {
  if (count >= LANES) __builtin_memcpy(to, &v, sizeof v);
#if LANES == 16
  else _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), v);
#else
  else __builtin_memcpy(to, &v, 4 * count);
#endif
}

INLINE Floats V(splat)(float x) { return (Floats){0} + x; }

INLINE Floats V(select)(Ints mask, Floats a, Floats b) {
  return (Floats)(((Ints)a & mask) | ((Ints)b & ~mask));
}

INLINE Floats V(first)(size_t count, Floats v, float other) {
  Ints lane;
  for (int i = 0; i < LANES; i++) lane[i] = i;
  return V(select)(lane < (int32_t)(count < LANES ? count : LANES), v, V(splat)(other));
}

// v[i] and v[i + half], until one lane is left; the order does not depend on the compiler.
#if LANES == 16
#define FOLD(v, with)                                                                              \
  v = with(                                                                                        \
      v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));     \
  v = with(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3));      \
  v = with(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1));      \
  v = with(v, __builtin_shufflevector(v, v, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0))
#elif LANES == 8
#define FOLD(v, with)                                                   \
  v = with(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)); \
  v = with(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 2, 3, 0, 1)); \
  v = with(v, __builtin_shufflevector(v, v, 1, 0, 1, 0, 1, 0, 1, 0))
#else
#define FOLD(v, with)                                       \
  v = with(v, __builtin_shufflevector(v, v, 2, 3, 0, 1)); \
  v = with(v, __builtin_shufflevector(v, v, 1, 0, 1, 0))
#endif

INLINE Floats V(plus)(Floats a, Floats b) { return a + b; }
INLINE Floats V(greater)(Floats a, Floats b) { return V(select)(b > a, b, a); }

INLINE float V(sum)(Floats v) {
  FOLD(v, V(plus));
  return v[0];
}

INLINE float V(maximum)(Floats v) {
  FOLD(v, V(greater));
  return v[0];
}

#undef FOLD

// eˣ, relative error below 2·10⁻⁷; 0 below e⁻⁸⁷, and e⁸⁸ above that. NaN stays NaN.
//
// x = n·ln 2 + r, |r| ≤ ln 2 / 2. The polynomial, and ln 2 in two parts, are those of expf in the
// Cephes library (S. Moshier, public domain). Adding 1.5·2²³ leaves n in the low bits.
INLINE Floats V(exp)(Floats x) {
  const Floats top = V(splat)(88.0f), bottom = V(splat)(-87.0f);
  Ints small = x < bottom;
  x = V(select)(x > top, top, V(select)(small, bottom, x));
  Floats shifted = x * 1.44269504088896341f + 12582912.0f;
  Floats n = shifted - 12582912.0f;
  Floats r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r;
  p = p + 1.0f;
  Ints power = (Ints)(((Words)shifted << 23) + 0x3f800000u);
  return V(select)(small, V(splat)(0), p * (Floats)power);
}

// The error function within 1.2·10⁻⁷ absolute.
//
// Two polynomials that meet at 475/512: N. Juffa, "Efficient faithfully rounded implementation of
// error function erff()" (Stack Overflow, question 35148198).
INLINE Floats V(erf)(Floats x) {
  Ints sign = (Ints)x & (int32_t)0x80000000;
  Floats t = (Floats)((Ints)x & 0x7fffffff), s = x * x;
  Floats a = t * -1.72853470e-5f + 3.83197126e-4f;
  a = a * s + (t * -3.88396438e-3f + 2.42546219e-2f);
  a = a * t + -1.06777877e-1f;
  a = a * t + -6.34846687e-1f;
  a = a * t + -1.28717512e-1f;
  a = a * t - t;
  // Beyond 5 the polynomial turns round, and erf is 1 in float32.
  a = V(select)(t > 5.0f, V(splat)(-30.0f), a);
  Floats far = (Floats)((Ints)(1.0f - V(exp)(a)) | sign);
  Floats b = s * -5.96761703e-4f + 4.99119423e-3f;
  b = b * s + -2.67681349e-2f;
  b = b * s + 1.12819925e-1f;
  b = b * s + -3.76125336e-1f;
  b = b * s + 1.28379166e-1f;
  b = b * x + x;
  return V(select)(t > 0.927734375f, far, b);
}

// The hyperbolic tangent, relative error below 3·10⁻⁷. NaN stays NaN.
//
// The polynomial is that of tanhf in the Cephes library (S. Moshier, public domain).
INLINE Floats V(tanh)(Floats x) {
  Ints sign = (Ints)x & (int32_t)0x80000000;
  Floats t = (Floats)((Ints)x & 0x7fffffff), s = x * x;
  Floats far = (Floats)((Ints)(1.0f - 2.0f / (V(exp)(t + t) + 1.0f)) | sign);
  Floats p = s * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * s + -5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s + -3.33332819422e-1f;
  p = p * s * x + x;
  return V(select)(t > 0.625f, far, p);
}

// x · σ(slope · y)
INLINE Floats V(times_logistic)(Floats x, Floats y, const double slope) {
#if LANES == 16
  // As below with 2ᵗ for eˣ, and without a division, which would take most of the time. The
  // polynomial is 2ʳ for |r| ≤ 1/2 within 1.1·10⁻⁷ (least maximum, by reweighted least squares);
  // one step of Newton's takes the reciprocal from 14 bits to all. min keeps a NaN on its right.
  const float factor = (float)(slope * -1.4426950408889634);
  __m512 t = _mm512_min_ps(_mm512_set1_ps(125.0f), y * factor);
  __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), r = t - n;
  Floats p = (Floats)r * 1.32647271e-3f + 9.67151265e-3f;
  p = p * r + 5.55073374e-2f;
  p = p * r + 2.40222421e-1f;
  p = p * r + 6.93146978e-1f;
  p = p * r + 1.0f;
  Floats d = _mm512_scalef_ps(p, n) + 1.0f;
  Floats q = _mm512_rcp14_ps(d);
  return x * (q * (2.0f - d * q));
#else
  return x / (1.0f + V(exp)(y * (float)-slope));
#endif
}

// x + 0.044715 x³, of which the approximate GELU takes the logistic function.
INLINE Floats V(cubic)(Floats x) { return x + x * x * x * 0.044715f; }

INLINE Floats V(activated)(Floats x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return x;
  case CKActivationQuickGELU: return V(times_logistic)(x, x, 1.702);
  case CKActivationGELU: return x * 0.5f * (1.0f + V(erf)(x * 0.70710678118654752f));
  // 2 · √(2/π)
  case CKActivationTanhGELU: return V(times_logistic)(x, V(cubic)(x), 1.5957691216057308);
  case CKActivationReLU: return V(select)(x <= 0.0f, V(splat)(0), x);
  case CKActivationSiLU: return V(times_logistic)(x, x, 1);
  case CKActivationSigmoid: return V(times_logistic)(V(splat)(1), x, 1);
  case CKActivationTanh: break;
  }
  return V(tanh)(x);
}
