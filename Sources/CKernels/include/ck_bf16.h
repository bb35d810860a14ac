#pragma once
#include "CKernels.h"

// Linear layers in bfloat16: sums of products in float32.

/// The multiple that rows of bfloat16 are padded to, with zeros.
enum { CK_BF16_PADDING = 32 };

/// sums[i,j] = Σ a[i,·] · w[j,·].
///
/// a [m, k] and w [n, k] are bfloat16, k a multiple of CK_BF16_PADDING, n ≤ CK_PANEL; the rows of a
/// and sums begin `a_stride` and `sums_stride` apart; panel with scratch for rows of 2 k bytes.
/// Within k · 2⁻²³ · Σ |a[i,·] · w[j,·]|; processors with instructions for bfloat16 take subnormal
/// numbers for 0. An element depends on its row and its column alone.
void ck_dot_rows_bf16(float *_Nonnull sums, size_t sums_stride, const uint16_t *_Nonnull a,
                      size_t a_stride, const uint16_t *_Nonnull w, size_t m, size_t n, size_t k,
                      CKPanel panel, CKInstructionSet isa);

/// out[i,j] = activation(sums[i,j] · steps[j] + bias[j]), or that added to what out[i,j] holds. No
/// steps mean 1, no bias 0. Rows begin `out_stride` and `sums_stride` apart.
void ck_scale_dots_f32(float *_Nonnull out, size_t out_stride, const float *_Nonnull sums,
                       size_t sums_stride, const float *_Nullable steps,
                       const float *_Nullable bias, size_t m, size_t n, CKActivation activation,
                       bool accumulating, CKInstructionSet isa);
