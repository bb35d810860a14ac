#ifndef LANES
#include "CKernels.h"
#include "heads.h"

// One arithmetic for all processors: lanes.h. Products are summed in the order of the columns, and
// shares in that of the keys, a term at a time.
#pragma STDC FP_CONTRACT OFF
#define FUSED

// How many queries share each load of a key or a value, as many as 2 vectors of sums each leave
// registers for; and the multiple that rows are padded to: twice the widest vector.
#if defined(__aarch64__)
enum { QUERIES = 10, PADDING = 8 };
#else
enum { QUERIES = 4, PADDING = 16 };
#endif

static size_t padded(size_t count) { return (count + PADDING - 1) / PADDING * PADDING; }

#define KERNEL "attention.c"
#include "every_width.h"

void ck_softmax_f32(float *row, size_t count, float scale, CKInstructionSet isa) {
  DISPATCH(isa, softmax, row, count, scale);
}

// Keys transposed, values, the queries of one group and their scores.
size_t ck_attention_scratch(size_t keys, size_t width) {
  const size_t here = width * padded(keys) + keys * padded(width) +
                      QUERIES * (padded(keys) + padded(width));
  const size_t panels = attention_panels_scratch(keys, width);
  const size_t integers = attention_i16_scratch(keys, width);
  const size_t floats = here > panels ? here : panels;
  return floats > integers ? floats : integers;
}

void ck_attention_f32(float *out, const float *q, const float *k, const float *v, CKHead head,
                      float *scratch, CKInstructionSet isa) {
  DISPATCH(isa, attention, out, q, k, v, head, scratch);
}

void ck_attention_bf16(float *out, const float *q, const float *k, const float *v, CKHead head,
                       float *scratch, CKInstructionSet isa) {
#if defined(__x86_64__)
  if (isa == CKInstructionSetAVX512VNNI && __builtin_cpu_supports("avx512bf16"))
    return attention_bf16_avx512bf16(out, q, k, v, head, scratch);
#endif
  ck_attention_f32(out, q, k, v, head, scratch, isa);
}

#else

#include "softmax.h"

static void V(softmax)(float *row, size_t count, float scale) {
  if (count == 0) return;
  float factor = 1 / V(exponentials)(row, count, scale);
  for (size_t i = 0; i < count; i += LANES)
    V(store)(row + i, V(load)(row + i, count - i) * factor, count - i);
}

#if LANES == 16
static void V(attention)(float *out, const float *q, const float *k, const float *v, CKHead h,
                         float *scratch) {
  attention_f32_avx512(out, q, k, v, h, scratch);
}
#else

// acc[r] = Σₛ a[r·a_step + s] · b[s·b_step ..< + vectors·LANES], r < QUERIES.
INLINE void V(combine)(Floats (*acc)[2], const float *a, size_t a_step, const float *b,
                       size_t steps, size_t b_step, const int vectors) {
  for (int r = 0; r < QUERIES; r++) acc[r][0] = acc[r][1] = (Floats){0};
  for (size_t s = 0; s < steps; s++, b += b_step) {
    Floats b0 = V(load)(b, LANES), b1 = vectors > 1 ? V(load)(b + LANES, LANES) : b0;
#pragma clang loop unroll(full)
    for (int r = 0; r < QUERIES; r++) {
      const Floats x = V(splat)(a[(size_t)r * a_step + s]);
      acc[r][0] = V(fma)(x, b0, acc[r][0]);
      if (vectors > 1) acc[r][1] = V(fma)(x, b1, acc[r][1]);
    }
  }
}

static void V(attention)(float *out, const float *q, const float *k, const float *v, CKHead h,
                         float *scratch) {
  const size_t queries = h.queries, keys = h.keys, width = h.width, stride = h.key_stride;
  const size_t key_row = padded(keys), value_row = padded(width);
  float *turned = scratch;                      // [width, key_row]: k transposed
  float *values = turned + width * key_row;     // [keys, value_row]
  float *scores = values + keys * value_row;    // [QUERIES, key_row]
  float *queried = scores + QUERIES * key_row;  // [QUERIES, value_row]

  // Key by key: the rows of k may lie a multiple of a page apart, where a cache holds but a few.
  size_t whole = keys / 4 * 4;
  for (size_t j = 0; j < whole; j += 4) {
    const float *k0 = k + j * stride, *k1 = k0 + stride, *k2 = k1 + stride, *k3 = k2 + stride;
    for (size_t c = 0; c < width; c++) {
      float *to = turned + c * key_row + j;
      to[0] = k0[c];
      to[1] = k1[c];
      to[2] = k2[c];
      to[3] = k3[c];
    }
  }
  for (size_t c = 0; c < width; c++) {
    for (size_t j = whole; j < keys; j++) turned[c * key_row + j] = k[j * stride + c];
    for (size_t j = keys; j < key_row; j++) turned[c * key_row + j] = 0;
  }
  for (size_t j = 0; j < keys; j++) {
    __builtin_memcpy(values + j * value_row, v + j * stride, 4 * width);
    for (size_t c = width; c < value_row; c++) values[j * value_row + c] = 0;
  }

  for (size_t i = 0; i < queries; i += QUERIES) {
    // The last group repeats its last query and throws the repetitions away.
    size_t group = queries - i < QUERIES ? queries - i : QUERIES;
    const size_t most = seen_keys(h, i + group - 1);
    Floats acc[QUERIES][2];

    for (size_t r = 0; r < QUERIES; r++)
      __builtin_memcpy(queried + r * value_row,
                       q + (i + (r < group ? r : group - 1)) * h.stride, 4 * width);
    for (size_t j = 0; j < most; j += 2 * LANES) {
      const bool two = most - j > LANES;
      if (two) V(combine)(acc, queried, value_row, turned + j, width, key_row, 2);
      else V(combine)(acc, queried, value_row, turned + j, width, key_row, 1);
      for (int r = 0; r < QUERIES; r++) {
        V(store)(scores + r * key_row + j, acc[r][0], LANES);
        if (two) V(store)(scores + r * key_row + j + LANES, acc[r][1], LANES);
      }
    }

    for (size_t r = 0; r < QUERIES; r++) {
      const size_t seen = r < group ? seen_keys(h, i + r) : most;
      float *row = scores + r * key_row;
      const float factor = 1 / V(exponentials)(row, seen, h.scale);
      for (size_t j = 0; j < most; j += LANES) {
        Floats e = V(load)(row + j, LANES) * factor;
        V(store)(row + j, V(first)(seen > j ? seen - j : 0, e, 0), LANES);
      }
    }
    for (size_t c = 0; c < width; c += 2 * LANES) {
      V(combine)(acc, scores, key_row, values + c, most, value_row, 2);
      for (size_t r = 0; r < group; r++) {
        float *row = out + (i + r) * h.out_stride + c;
        V(store)(row, acc[r][0], width - c);
        if (width - c > LANES) V(store)(row + LANES, acc[r][1], width - c - LANES);
      }
    }
  }
}

#endif

#endif
