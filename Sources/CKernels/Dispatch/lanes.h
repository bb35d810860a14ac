// Vectors of LANES floats, and what the kernels need to do with them. Included once a width by
// each_width.h, hence without a guard. The operators are those of Clang's vector types.
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

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

// Less 0, not plus: that changes no number, -0 either, and costs nothing.
INLINE Floats V(splat)(float x) { return x - (Floats){0}; }

#if LANES == 4 && !defined(__aarch64__) && defined(FUSED)
typedef float V(HalfFloats) __attribute__((vector_size(8)));
typedef double V(Doubles) __attribute__((vector_size(16)));
typedef int64_t V(Longs) __attribute__((vector_size(16)));

// For processors that cannot: the product is exact in double, and a sum that is not gets an odd
// last bit, so that rounding it once more, to float, goes where rounding once would have gone.
INLINE V(HalfFloats) V(half_fma)(V(HalfFloats) a, V(HalfFloats) b, V(HalfFloats) c) {
#define DOUBLES(v) __builtin_convertvector(v, V(Doubles))
  V(Doubles) product = DOUBLES(a) * DOUBLES(b), added = DOUBLES(c), sum = product + added;
#undef DOUBLES
  V(Doubles) part = sum - product, error = (product - (sum - part)) + (added - part);
  // Infinities and NaN stay.
  V(Longs) inexact = (error != 0.0) & (sum - sum == 0.0), beyond = (error < 0.0) ^ (sum < 0.0);
  V(Longs) odd = ((V(Longs))sum + beyond) | 1;
  V(Longs) bits = ((V(Longs))sum & ~inexact) | (odd & inexact);
  return __builtin_convertvector((V(Doubles))bits, V(HalfFloats));
}
#endif

// a · b + c. In files that define FUSED it is rounded once on every processor, in others twice
// (their FP_CONTRACT is off, or they call nothing that uses it).
INLINE Floats V(fma)(Floats a, Floats b, Floats c) {
#if !defined(FUSED)
  return a * b + c;
#elif LANES == 16
  return _mm512_fmadd_ps(a, b, c);
#elif LANES == 8
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
  return (Floats)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
#define PART(v, i) __builtin_shufflevector(v, v, i, i + 1)
  return __builtin_shufflevector(
      V(half_fma)(PART(a, 0), PART(b, 0), PART(c, 0)),
      V(half_fma)(PART(a, 2), PART(b, 2), PART(c, 2)), 0, 1, 2, 3);
#undef PART
#endif
}

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

// Sums that are the same on every processor have 16 parts: element i belongs to part i mod 16,
// whether it takes one vector or several to hold them.
enum { V(PARTS) = 16 / LANES };

// The sum of all parts, of which vector i holds LANES.
INLINE float V(sum_of_parts)(const Floats *parts) {
#if LANES == 16
  return V(sum)(parts[0]);
#elif LANES == 8
  return V(sum)(parts[0] + parts[1]);
#else
  return V(sum)((parts[0] + parts[2]) + (parts[1] + parts[3]));
#endif
}

// eˣ, relative error below 2·10⁻⁷; 0 below e⁻⁸⁷, and e⁸⁸ above that. NaN stays NaN.
//
// x = n·ln 2 + r, |r| ≤ ln 2 / 2. The polynomial, and ln 2 in two parts, are those of expf in the
// Cephes library (S. Moshier, public domain). Adding 1.5·2²³ leaves n in the low bits.
INLINE Floats V(exp)(Floats x) {
  const Floats top = V(splat)(88.0f), bottom = V(splat)(-87.0f);
  Ints small = x < bottom;
  x = V(select)(x > top, top, V(select)(small, bottom, x));
  Floats shifted = V(fma)(x, V(splat)(1.44269504088896341f), V(splat)(12582912.0f));
  Floats n = shifted - 12582912.0f;
  Floats r = V(fma)(n, V(splat)(-0.693359375f), x);
  r = V(fma)(n, V(splat)(2.12194440e-4f), r);
  Floats p = V(fma)(r, V(splat)(1.9875691500e-4f), V(splat)(1.3981999507e-3f));
  p = V(fma)(p, r, V(splat)(8.3334519073e-3f));
  p = V(fma)(p, r, V(splat)(4.1665795894e-2f));
  p = V(fma)(p, r, V(splat)(1.6666665459e-1f));
  p = V(fma)(p, r, V(splat)(5.0000001201e-1f));
  p = V(fma)(p, r * r, r);
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
  Floats a = V(fma)(t, V(splat)(-1.72853470e-5f), V(splat)(3.83197126e-4f));
  a = V(fma)(a, s, V(fma)(t, V(splat)(-3.88396438e-3f), V(splat)(2.42546219e-2f)));
  a = V(fma)(a, t, V(splat)(-1.06777877e-1f));
  a = V(fma)(a, t, V(splat)(-6.34846687e-1f));
  a = V(fma)(a, t, V(splat)(-1.28717512e-1f));
  a = V(fma)(a, t, -t);
  // Beyond 5 the polynomial turns round, and erf is 1 in float32.
  a = V(select)(t > 5.0f, V(splat)(-30.0f), a);
  Floats far = (Floats)((Ints)(1.0f - V(exp)(a)) | sign);
  Floats b = V(fma)(s, V(splat)(-5.96761703e-4f), V(splat)(4.99119423e-3f));
  b = V(fma)(b, s, V(splat)(-2.67681349e-2f));
  b = V(fma)(b, s, V(splat)(1.12819925e-1f));
  b = V(fma)(b, s, V(splat)(-3.76125336e-1f));
  b = V(fma)(b, s, V(splat)(1.28379166e-1f));
  b = V(fma)(b, x, x);
  return V(select)(t > 0.927734375f, far, b);
}

// The hyperbolic tangent, relative error below 3·10⁻⁷. NaN stays NaN.
//
// The polynomial is that of tanhf in the Cephes library (S. Moshier, public domain).
INLINE Floats V(tanh)(Floats x) {
  Ints sign = (Ints)x & (int32_t)0x80000000;
  Floats t = (Floats)((Ints)x & 0x7fffffff), s = x * x;
  Floats far = (Floats)((Ints)(1.0f - 2.0f / (V(exp)(t + t) + 1.0f)) | sign);
  Floats p = V(fma)(s, V(splat)(-5.70498872745e-3f), V(splat)(2.06390887954e-2f));
  p = V(fma)(p, s, V(splat)(-5.37397155531e-2f));
  p = V(fma)(p, s, V(splat)(1.33314422036e-1f));
  p = V(fma)(p, s, V(splat)(-3.33332819422e-1f));
  p = V(fma)(p * s, x, x);
  return V(select)(t > 0.625f, far, p);
}

// x · σ(slope · y) = x / (1 + 2ᵗ)
//
// 2ᵗ = 2ⁿ · 2ʳ; the polynomial is 2ʳ for |r| ≤ 1/2 within 1.1·10⁻⁷ (least maximum, by reweighted
// least squares). NaN stays NaN.
INLINE Floats V(times_logistic)(Floats x, Floats y, const double slope) {
  Floats t = y * (float)(slope * -1.4426950408889634);
#if LANES == 16
  // min keeps a NaN on its right.
  t = _mm512_min_ps(_mm512_set1_ps(125.0f), t);
  Floats n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  // Of less than 2⁻¹²⁶ nothing is left beside 1.
  t = V(select)(t > 125.0f, V(splat)(125.0f), V(select)(t < -126.0f, V(splat)(-126.0f), t));
  Floats shifted = t + 12582912.0f, n = shifted - 12582912.0f;
#endif
  Floats r = t - n;
  Floats p = V(fma)(r, V(splat)(1.32647271e-3f), V(splat)(9.67151265e-3f));
  p = V(fma)(p, r, V(splat)(5.55073374e-2f));
  p = V(fma)(p, r, V(splat)(2.40222421e-1f));
  p = V(fma)(p, r, V(splat)(6.93146978e-1f));
  p = V(fma)(p, r, V(splat)(1.0f));
#if LANES == 16
  p = _mm512_scalef_ps(p, n);
#else
  p = p * (Floats)(Ints)(((Words)shifted << 23) + 0x3f800000u);
#endif
  return x / (p + 1.0f);
}

// x + 0.044715 x³, of which the approximate GELU takes the logistic function.
INLINE Floats V(cubic)(Floats x) { return V(fma)(x * x * x, V(splat)(0.044715f), x); }

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
