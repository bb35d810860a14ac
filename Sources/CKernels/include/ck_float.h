#pragma once
#include "CKernels.h"
#include "ck_panel.h"

// Kernels of the forward pass, in float32. Matrices are row-major. Every `width` and count may be
// anything, 0 included. "Within e" bounds the difference to the scalar version, which computes
// each sum and each transcendental function in double precision and rounds once.

typedef enum __attribute__((enum_extensibility(closed))) {
  CKActivationNone = 0,
  /// x · σ(1.702 x)
  CKActivationQuickGELU = 1,
  /// x · Φ(x) = x/2 · (1 + erf(x/√2))
  CKActivationGELU = 2,
  /// x · σ(2u) = x/2 · (1 + tanh u), u = √(2/π) · (x + 0.044715 x³)
  CKActivationTanhGELU = 3,
  /// max(x, 0)
  CKActivationReLU = 4,
  /// x · σ(x)
  CKActivationSiLU = 5,
  /// σ(x) = 1 / (1 + e⁻ˣ)
  CKActivationSigmoid = 6,
  CKActivationTanh = 7,
} CKActivation;

/// sums[i,j] = Σ a[i,·] · w[j,·]. There are fast versions for AVX-512 and NEON.
///
/// a [m, k] and sums in rows that begin `a_stride` and `sums_stride` apart; w [n, k] without gaps,
/// n ≤ CK_PANEL; panel with scratch for rows of 4 k bytes. Within k · 2⁻²⁴ · Σ |a[i,·] · w[j,·]|.
/// An element depends on its row and its column alone.
void ck_dot_rows_f32(float *_Nonnull sums, size_t sums_stride, const float *_Nonnull a,
                     size_t a_stride, const float *_Nonnull w, size_t m, size_t n, size_t k,
                     CKPanel panel, CKInstructionSet isa);

/// The same for a panel of codes (ck_panel.h), without their steps; panel with scratch for rows of
/// k floats rounded up to whole words of codes.
void ck_dot_codes_f32(float *_Nonnull sums, size_t sums_stride, const float *_Nonnull a,
                      size_t a_stride, const int8_t *_Nonnull codes, size_t m, size_t n, size_t k,
                      CKPanel panel, CKInstructionSet isa);

/// out[r,i] = (in[r,i] − mean(in[r])) / √(var(in[r]) + epsilon) · weight[i] + bias[i].
///
/// in, out [rows, width], which may be the same memory; weight, bias [width]. The variance is the
/// biased one. Within 2·10⁻⁶ · (|out − bias| + |weight|) and a unit in the last place of out, while
/// |mean| ≤ 4·√var; beyond that the mean costs accuracy in proportion. The same bits everywhere.
void ck_layer_norm_f32(float *_Nonnull out, const float *_Nonnull in, const float *_Nonnull weight,
                       const float *_Nonnull bias, size_t rows, size_t width, float epsilon,
                       CKInstructionSet isa);

/// values[r,i] = activation(values[r,i] + bias[i]), where no bias means 0.
///
/// values [rows, width] in rows that begin `stride` floats apart; bias [width].
/// Within 4·10⁻⁷ · |x| for an argument x of the activation, σ(x) within 4·10⁻⁷; max(x, 0) is exact,
/// and so is no activation. NaN stays NaN. The same bits everywhere.
void ck_bias_activation_f32(float *_Nonnull values, const float *_Nullable bias, size_t rows,
                            size_t width, size_t stride, CKActivation activation,
                            CKInstructionSet isa);

/// out[i] += in[i], exactly rounded.
void ck_add_f32(float *_Nonnull out, const float *_Nonnull in, size_t count, CKInstructionSet isa);

/// row[i] = exp(scale·row[i] − m) / Σ exp(scale·row[j] − m), m the maximum of scale·row, scale > 0.
///
/// Within 10⁻⁶ · (1 + scale·(max row − row[i])) of each value, relative; below e⁻⁸⁷ it is 0.
/// The same bits everywhere.
void ck_softmax_f32(float *_Nonnull row, size_t count, float scale, CKInstructionSet isa);

/// How many floats of scratch the kernels for attention need.
size_t ck_attention_scratch(size_t keys, size_t width);

/// One head of attention, and where its rows lie.
typedef struct {
  size_t queries, keys, width;
  /// How many floats apart the rows of q begin, those of k and v, and those of the result.
  size_t stride, key_stride, out_stride;
  float scale;
  /// Whether a query sees no key behind its own, the queries being those of the last keys.
  bool causal;
} CKHead;

/// One head: out[i] = Σⱼ softmaxⱼ(scale · q[i]·k[j]) v[j].
///
/// q, out [queries, width]; k, v [keys, width]. Causal: j ≤ i + keys − queries only, and queries ≤
/// keys. There is at least one key. Within 10⁻⁵ · max |v| while |scale · q·k| ≤ 30. The same bits
/// everywhere: products are added up one by one, each fused with its sum.
void ck_attention_f32(float *_Nonnull out, const float *_Nonnull q, const float *_Nonnull k,
                      const float *_Nonnull v, CKHead head, float *_Nonnull scratch,
                      CKInstructionSet isa);

/// The same with products of bfloat16, summed in float32, where the processor has instructions for
/// them: within 2⁻⁶ · max |v| while |scale · q·k| ≤ 30 / 4. Elsewhere as above.
void ck_attention_bf16(float *_Nonnull out, const float *_Nonnull q, const float *_Nonnull k,
                       const float *_Nonnull v, CKHead head, float *_Nonnull scratch,
                       CKInstructionSet isa);

/// The same with products of 16-bit integers, whose sums are exact: rows of q and k have codes of
/// at most √(2³¹ / width), those of v of 2¹⁴, and the shares of a query of 2¹⁵ while they add up to
/// no more than 2¹⁷. Each row has its own step, so a result does not depend on what a query does
/// not see. Within 2⁻¹⁰ · max |v| while |scale · q·k| ≤ 30 / 4. More than 2¹⁵ keys are multiplied
/// in float32. The same bits everywhere.
void ck_attention_i16(float *_Nonnull out, const float *_Nonnull q, const float *_Nonnull k,
                      const float *_Nonnull v, CKHead head, float *_Nonnull scratch,
                      CKInstructionSet isa);
