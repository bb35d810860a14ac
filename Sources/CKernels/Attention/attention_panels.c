#include "heads.h"

// The arithmetic of attention.c.
#pragma STDC FP_CONTRACT OFF
#define FUSED

#if defined(__x86_64__)
#pragma clang attribute push(                                                              \
    __attribute__((                                                                        \
        target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16"))),     \
    apply_to = function)
#define LANES 16
#define V(name) name##_avx512bf16
#include "lanes.h"
#include "softmax.h"

// count floats as operands, and zeros up to a whole word.
INLINE void write_operands(char *to, const float *from, size_t count, const Operands operands) {
  for (size_t i = 0; i < count; i += LANES) {
    const size_t left = count - i;
    const Floats v = V(load)(from + i, left);
    if (operands == OfFloats) {
      V(store)((float *)to + i, v, left);
    } else {
      const size_t whole = left < LANES ? (left + 1) / 2 * 2 : LANES;
      _mm256_mask_storeu_epi16(to + 2 * i, (__mmask16)((1u << whole) - 1),
                               (__m256i)_mm512_cvtneps_pbh(v));
    }
  }
}

// A bfloat16 in the low half of each word.
INLINE __m512i low_halves(Floats v) {
  return _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v));
}

// The values as a panel for each 32 columns: a word of `each` rows of every column.
INLINE void pack_values(char *to, const float *v, size_t keys, size_t width, size_t stride,
                        const Operands operands) {
  const size_t each = operands == OfFloats ? 1 : 2;
  for (size_t c = 0; c < width; c += PANEL)
    for (size_t j = 0; j < keys; j += each, to += 4 * PANEL)
      for (size_t half = 0; half < 2; half++) {
        const size_t first = c + 16 * half, left = first < width ? width - first : 0;
        const Floats none = {0};
        const float *row = v + j * stride + first;
        const Floats v0 = left ? V(load)(row, left) : none;
        if (operands == OfFloats) {
          __builtin_memcpy(to + 64 * half, &v0, 64);
        } else {
          const Floats v1 = left && j + 1 < keys ? V(load)(row + stride, left) : none;
          _mm512_storeu_si512(to + 64 * half,
              _mm512_or_si512(low_halves(v0), _mm512_slli_epi32(low_halves(v1), 16)));
        }
      }
}

INLINE void attend(float *out, const float *q, const float *k, const float *v, const CKHead h,
                   float *scratch, const Operands operands) {
  const size_t queries = h.queries, keys = h.keys, width = h.width, stride = h.key_stride;
  const size_t each = operands == OfFloats ? 1 : 2, size = 4 / each;
  const size_t key_panels = (keys + PANEL - 1) / PANEL;
  // Operands of a row of queries and of scores, in whole words.
  const size_t row = (width + each - 1) / each * each, mix = (keys + each - 1) / each * each;
  char *turned = (char *)scratch;                                    // [key_panels, row, 32]
  char *values = turned + key_panels * row * size * PANEL;           // […, mix, 32]
  float *scores = (float *)(values + (width + PANEL - 1) / PANEL * mix * size * PANEL);
  char *queried = (char *)(scores + TALLEST * key_panels * PANEL);   // [12, row]
  char *shares = queried + TALLEST * row * size;                     // [12, mix]
  char *rows = shares + TALLEST * mix * size;                        // [32, row]
  const CKAhead nothing = {scratch, 0};

  for (size_t j = 0; j < keys; j += PANEL) {
    const size_t n = keys - j < PANEL ? keys - j : PANEL;
    char *panel = turned + j * row * size;
    if (operands == OfFloats) {
      pack_panel(panel, k + j * stride, n, 4 * width, 4 * stride);
      continue;
    }
    for (size_t r = 0; r < n; r++)
      write_operands(rows + r * row * size, k + (j + r) * stride, width, operands);
    // Whole panels are packed faster; what a query makes of the rows beyond is not looked at.
    pack_panel(panel, rows, PANEL, row * size, row * size);
  }
  pack_values(values, v, keys, width, stride, operands);

  const size_t groups = (queries + TALLEST - 1) / TALLEST;
  for (size_t group = 0, i = 0; group < groups; group++) {
    // As equal as can be: 77 queries are 7 times 11.
    const size_t count = (queries - i + groups - group - 1) / (groups - group);
    const size_t most = seen_keys(h, i + count - 1), scores_row = key_panels * PANEL;
    for (size_t r = 0; r < count; r++)
      write_operands(queried + r * row * size, q + (i + r) * h.stride, width, operands);
    for (size_t j = 0; j < most; j += PANEL)
      multiply_panel(scores + j, scores_row, queried, row, turned + j * row * size, nothing, count,
                     PANEL, row, operands);
    for (size_t r = 0; r < count; r++) {
      float *of_row = scores + r * scores_row;
      const size_t seen = seen_keys(h, i + r);
      const float factor = 1 / V(exponentials)(of_row, seen, h.scale);
      for (size_t j = 0; j < most; j += LANES)
        V(store)(of_row + j,
            V(first)(seen > j ? seen - j : 0, V(load)(of_row + j, LANES) * factor, 0), LANES);
      write_operands(shares + r * mix * size, of_row, most, operands);
    }
    for (size_t c = 0; c < width; c += PANEL)
      multiply_panel(out + i * h.out_stride + c, h.out_stride, shares, mix, values + c * mix * size,
                     nothing, count, width - c < PANEL ? width - c : PANEL,
                     (most + each - 1) / each * each, operands);
    i += count;
  }
}

void attention_f32_avx512(float *out, const float *q, const float *k, const float *v, CKHead head,
                          float *scratch) {
  attend(out, q, k, v, head, scratch, OfFloats);
}

void attention_bf16_avx512bf16(float *out, const float *q, const float *k, const float *v,
                               CKHead head, float *scratch) {
  attend(out, q, k, v, head, scratch, OfHalves);
}

#undef LANES
#undef V
#pragma clang attribute pop
#endif
