#ifndef LANES
#include <float.h>
#include <math.h>

#include "CKernels.h"
#include "heads.h"

// One arithmetic for all processors: lanes.h. Sums of products are of integers, hence exact.
#pragma STDC FP_CONTRACT OFF
#define FUSED

// The multiple that rows are padded to: twice the widest vector. A value has 14 bits and a sign, so
// that a sum holds while the shares of a query add up to no more than 2¹⁷.
enum {
  MOST_QUERIES = 10,
  PADDING = 32,
  VALUE_LIMIT = 16383,
  SHARE_LIMIT = 32767,
  SHARE_SUM = 1 << 17
};

static size_t padded(size_t count) { return (count + PADDING - 1) / PADDING * PADDING; }

// The largest code of a query or a key: the sum of `width` products has 32 bits.
static float code_limit(size_t width) {
  const double limit = floor(sqrt(INT32_MAX / (double)width));
  return limit < SHARE_LIMIT ? (float)limit : SHARE_LIMIT;
}

// What a query's shares are multiplied by to be codes, and the sums of products to be results.
typedef struct {
  float to_codes, to_result;
} ShareScale;

// - sum: of the exponentials.
// - top, total: the largest exponential times the step of its value, and the sum of these products.
static ShareScale share_scale(float sum, float top, float total, size_t seen) {
  // Too little to be told from nothing; or something is no number, and the result none either.
  if (!(top > 1e-33f) || total != total || sum != sum)
    return (ShareScale){0, sum * 0 + total * 0};
  // Rounding adds half of a code for each key at most.
  const float finest = SHARE_LIMIT / top, room = (float)(SHARE_SUM - seen) / total;
  const float scale = finest < room ? finest : room;
  return (ShareScale){scale, 1 / (scale * sum)};
}

#define KERNEL "attention_i16.c"
#include "every_width.h"

#if defined(__x86_64__)
#define DOT_PRODUCTS
#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)
#define LANES 8
#define V(name) name##_avxvnni
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V
#pragma clang attribute pop

#pragma clang attribute push(                                                              \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))),     \
    apply_to = function)
#define LANES 16
#define V(name) name##_avx512vnni
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V
#pragma clang attribute pop
#endif

// Keys transposed, values; of one group the queries, their scores and shares; the steps of keys and
// values; four rows of codes on their way. All in words of 4 bytes.
size_t attention_i16_scratch(size_t keys, size_t width) {
  return width * padded(keys) + keys * padded(width) +
         MOST_QUERIES * (2 * padded(keys) + padded(width)) + 2 * padded(keys) + 4 * padded(width);
}

void ck_attention_i16(float *out, const float *q, const float *k, const float *v, CKHead head,
                      float *scratch, CKInstructionSet isa) {
  // With more keys too little of SHARE_SUM would be left for each.
  if (head.keys > SHARE_SUM / 4) return ck_attention_f32(out, q, k, v, head, scratch, isa);
#if defined(__x86_64__)
  if (isa == CKInstructionSetAVXVNNI && __builtin_cpu_supports("avxvnni"))
    return attention_i16_avxvnni(out, q, k, v, head, scratch);
  if (isa == CKInstructionSetAVX512VNNI)
    return attention_i16_avx512vnni(out, q, k, v, head, scratch);
#endif
  DISPATCH(isa, attention_i16, out, q, k, v, head, scratch);
}

#else

#include "softmax.h"

// A word holds the codes of EACH columns or keys, as the instructions take them; and how many
// queries share each load of a key or a value, as many as two vectors of sums each leave registers
// for.
#if LANES == 4
enum { V(EACH) = 1 };
typedef int32_t V(Code);
#else
enum { V(EACH) = 2 };
typedef int16_t V(Code);
#endif
#if LANES == 16 || defined(__aarch64__)
enum { V(QUERIES) = MOST_QUERIES };
#else
enum { V(QUERIES) = 4 };
#endif
typedef V(Code) V(Codes) __attribute__((vector_size(sizeof(V(Code)) * LANES)));
typedef int32_t V(Four) __attribute__((vector_size(16)));

// The sums of EACH products of codes, added to `sums`.
INLINE Ints V(multiply_add)(Ints sums, Ints a, Ints b) {
#if LANES == 4
  return (Ints)((Words)sums + (Words)a * (Words)b);
#elif LANES == 8 && defined(DOT_PRODUCTS)
  return (Ints)_mm256_dpwssd_avx_epi32((__m256i)sums, (__m256i)a, (__m256i)b);
#elif LANES == 8
  return sums + (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(DOT_PRODUCTS)
  return (Ints)_mm512_dpwssd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
#else
  return sums + (Ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#endif
}

// LANES numbers of at most 2²² as codes, ties to even.
INLINE void V(write_codes)(V(Code) *to, Floats v) {
#if LANES == 16
  const Ints whole = (Ints)_mm512_cvtps_epi32(v);
#elif LANES == 8
  const Ints whole = (Ints)_mm256_cvtps_epi32(v);
#else
  // At 1.5·2²³ a float's last bit is worth one.
  const Ints whole = __builtin_convertvector(v + 12582912.0f - 12582912.0f, Ints);
#endif
  const V(Codes) codes = __builtin_convertvector(whole, V(Codes));
  __builtin_memcpy(to, &codes, sizeof codes);
}

// The largest of magnitudes given as integers.
INLINE float V(largest)(Ints v) {
#if LANES == 16
  const int32_t top = _mm512_reduce_max_epi32((__m512i)v);
#else
  int32_t top = 0;
  for (int i = 0; i < LANES; i++) top = v[i] > top ? v[i] : top;
#endif
  float result;
  __builtin_memcpy(&result, &top, 4);
  return result;
}

// A row as codes from −limit to limit and zeros up to a whole vector. Returns their step; no number
// where one of the row is none or infinite.
INLINE float V(quantise)(V(Code) *codes, const float *row, size_t count, float limit) {
  // As integers, magnitudes are ordered as floats are, and what is no number is the largest.
  Ints tops = {0};
  for (size_t i = 0; i < count; i += LANES) {
    const Ints magnitude = (Ints)V(load)(row + i, count - i) & 0x7fffffff;
    tops = (Ints)V(select)(magnitude > tops, (Floats)magnitude, (Floats)tops);
  }
  const float top = V(largest)(tops);
  // Of less than that the inverse might be infinite; so little is as good as nothing.
  const bool nothing = !(top > 1e-30f) || !(top <= FLT_MAX);
  if (nothing) {
    __builtin_memset(codes, 0, (count + LANES - 1) / LANES * sizeof(V(Codes)));
    return top * 0;
  }
  const float inverse = limit / top;
  for (size_t i = 0; i < count; i += LANES)
    V(write_codes)(codes + i, V(load)(row + i, count - i) * inverse);
  return top / limit;
}

// acc[r] = Σₛ a[r·a_step + s] · b[s·b_step ..< + vectors·LANES], r < QUERIES, in words.
INLINE void V(combine)(Ints (*acc)[2], const int32_t *a, size_t a_step, const int32_t *b,
                       size_t steps, size_t b_step, const int vectors) {
  for (int r = 0; r < V(QUERIES); r++) acc[r][0] = acc[r][1] = (Ints){0};
  for (size_t s = 0; s < steps; s++, b += b_step) {
    Ints b0, b1;
    __builtin_memcpy(&b0, b, sizeof b0);
    __builtin_memcpy(&b1, vectors > 1 ? b + LANES : b, sizeof b1);
#pragma clang loop unroll(full)
    for (int r = 0; r < V(QUERIES); r++) {
      const Ints x = a[(size_t)r * a_step + s] - (Ints){0};
      acc[r][0] = V(multiply_add)(acc[r][0], x, b0);
      if (vectors > 1) acc[r][1] = V(multiply_add)(acc[r][1], x, b1);
    }
  }
}

// Word c of rows j to j + 3 → turned[c·key_row + j]; rows begin `row` words apart.
INLINE void V(turn)(int32_t *turned, size_t key_row, const int32_t *rows, size_t row,
                    size_t words) {
  for (size_t c = 0; c < words; c += 4) {
    V(Four) a, b, d, e;
    __builtin_memcpy(&a, rows + c, 16);
    __builtin_memcpy(&b, rows + row + c, 16);
    __builtin_memcpy(&d, rows + 2 * row + c, 16);
    __builtin_memcpy(&e, rows + 3 * row + c, 16);
    const V(Four) ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const V(Four) ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const V(Four) de0 = __builtin_shufflevector(d, e, 0, 4, 1, 5);
    const V(Four) de1 = __builtin_shufflevector(d, e, 2, 6, 3, 7);
    const V(Four) out[4] = {
        __builtin_shufflevector(ab0, de0, 0, 1, 4, 5),
        __builtin_shufflevector(ab0, de0, 2, 3, 6, 7),
        __builtin_shufflevector(ab1, de1, 0, 1, 4, 5),
        __builtin_shufflevector(ab1, de1, 2, 3, 6, 7),
    };
    for (size_t x = 0; x < 4 && c + x < words; x++)
      __builtin_memcpy(turned + (c + x) * key_row, &out[x], 16);
  }
}

// The codes of EACH keys' values in the words of their columns.
INLINE void V(interleave)(int32_t *to, const V(Code) *first, const V(Code) *second, size_t width) {
  for (size_t c = 0; c < width; c += LANES) {
    V(Codes) a, b;
    __builtin_memcpy(&a, first + c, sizeof a);
    __builtin_memcpy(&b, second + c, sizeof b);
    Ints words = __builtin_convertvector(a, Ints);
    if (V(EACH) == 2)
      words = (words & 0xffff) | (Ints)((Words)__builtin_convertvector(b, Ints) << 16);
    __builtin_memcpy(to + c, &words, sizeof words);
  }
}

static void V(attention_i16)(float *out, const float *q, const float *k, const float *v, CKHead h,
                             float *scratch) {
  const size_t queries = h.queries, keys = h.keys, width = h.width, stride = h.key_stride;
  const size_t key_row = padded(keys), value_row = padded(width), each = V(EACH);
  // Words of a row of queries and of one of shares.
  const size_t words = (width + each - 1) / each, shared = (keys + each - 1) / each;
  int32_t *turned = (int32_t *)scratch;                          // [words, key_row]: k transposed
  int32_t *values = turned + words * key_row;                    // [shared, value_row]
  float *scores = (float *)(values + shared * value_row);        // [QUERIES, key_row]
  int32_t *shares = (int32_t *)(scores + V(QUERIES) * key_row);  // [QUERIES, key_row]
  int32_t *queried = shares + V(QUERIES) * key_row;              // [QUERIES, value_row]
  float *key_steps = (float *)(queried + V(QUERIES) * value_row);
  float *value_steps = key_steps + key_row;
  int32_t *rows = (int32_t *)(value_steps + key_row);            // [4, value_row]
  const float limit = code_limit(width);

  for (size_t j = 0; j < key_row; j += 4) {
    for (size_t x = 0; x < 4; x++) {
      int32_t *row = rows + x * value_row;
      if (j + x < keys) {
        key_steps[j + x] = V(quantise)((V(Code) *)row, k + (j + x) * stride, width, limit);
      } else {
        key_steps[j + x] = value_steps[j + x] = 0;
        __builtin_memset(row, 0, 4 * value_row);
      }
    }
    V(turn)(turned + j, key_row, rows, value_row, words);
  }
  for (size_t j = 0; j < keys; j += each) {
    for (size_t x = 0; x < each; x++) {
      int32_t *row = rows + x * value_row;
      if (j + x < keys)
        value_steps[j + x] = V(quantise)((V(Code) *)row, v + (j + x) * stride, width, VALUE_LIMIT);
      else __builtin_memset(row, 0, 4 * value_row);
    }
    V(interleave)(values + j / each * value_row, (V(Code) *)rows, (V(Code) *)(rows + value_row),
                  width);
  }

  for (size_t i = 0; i < queries; i += V(QUERIES)) {
    const size_t group = queries - i < V(QUERIES) ? queries - i : V(QUERIES);
    const size_t most = seen_keys(h, i + group - 1), pairs = (most + each - 1) / each;
    float steps[V(QUERIES)];
    Ints acc[V(QUERIES)][2];

    for (size_t r = 0; r < group; r++)
      steps[r] = V(quantise)((V(Code) *)(queried + r * value_row), q + (i + r) * h.stride, width,
                             limit);
    // What the last group lacks, nobody reads.
    for (size_t r = group; r < V(QUERIES); r++) {
      __builtin_memset(queried + r * value_row, 0, 4 * value_row);
      __builtin_memset(shares + r * key_row, 0, 4 * key_row);
    }
    for (size_t j = 0; j < most; j += 2 * LANES) {
      const bool two = most - j > LANES;
      if (two) V(combine)(acc, queried, value_row, turned + j, words, key_row, 2);
      else V(combine)(acc, queried, value_row, turned + j, words, key_row, 1);
      for (int r = 0; r < V(QUERIES); r++)
        for (size_t x = 0; x <= two; x++) {
          const size_t at = j + x * LANES;
          const Floats score =
              __builtin_convertvector(acc[r][x], Floats) * V(load)(key_steps + at, LANES);
          V(store)(scores + r * key_row + at, score, LANES);
        }
    }

    float factors[V(QUERIES)];
    for (size_t r = 0; r < group; r++) {
      const size_t seen = seen_keys(h, i + r);
      float *row = scores + r * key_row;
      const V(Exponentials) all =
          V(weighted_exponentials)(row, value_steps, seen, h.scale * steps[r]);
      const ShareScale scale = share_scale(all.sum, all.top, all.total, seen);
      factors[r] = scale.to_result;
      V(Code) *codes = (V(Code) *)(shares + r * key_row);
      for (size_t j = 0; j < pairs * each; j += LANES) {
        const Floats share = V(first)(seen > j ? seen - j : 0, V(load)(row + j, LANES), 0);
        V(write_codes)(codes + j, scale.to_codes > 0 ? share * scale.to_codes : (Floats){0});
      }
    }
    for (size_t c = 0; c < width; c += 2 * LANES) {
      V(combine)(acc, shares, key_row, values + c, pairs, value_row, 2);
      for (size_t r = 0; r < group; r++)
        for (size_t x = 0; x < 2 && c + x * LANES < width; x++) {
          const size_t at = c + x * LANES;
          V(store)(out + (i + r) * h.out_stride + at,
                   __builtin_convertvector(acc[r][x], Floats) * factors[r], width - at);
        }
    }
  }
}

#endif
