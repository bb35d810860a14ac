#pragma once
#include "CKernels.h"
#include "panels.h"

/// How much scratch attention_i16.c needs, in floats.
size_t attention_i16_scratch(size_t keys, size_t width);

// Attention by the products of panels.h, on AVX-512: the keys are packed as the weights of a layer
// would be that takes the queries, and the values as those of one that takes the scores.

/// How much scratch these need, in floats.
static inline size_t attention_panels_scratch(size_t keys, size_t width) {
  const size_t key_panels = (keys + CK_PANEL - 1) / CK_PANEL;
  const size_t value_panels = (width + CK_PANEL - 1) / CK_PANEL;
  // Keys, values, 12 rows of scores and of queries, and a panel's rows on their way.
  return CK_PANEL * (key_panels * width + value_panels * keys + 12 * key_panels + width + 1) +
         12 * (width + 1 + keys + 1);
}

/// How many keys query i sees.
static inline size_t seen_keys(CKHead head, size_t i) {
  return head.causal ? head.keys - head.queries + i + 1 : head.keys;
}

#if defined(__x86_64__)
void attention_f32_avx512(float *out, const float *q, const float *k, const float *v, CKHead head,
                          float *scratch);

void attention_bf16_avx512bf16(float *out, const float *q, const float *k, const float *v,
                               CKHead head, float *scratch);
#endif
