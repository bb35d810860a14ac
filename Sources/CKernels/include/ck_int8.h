#pragma once
#include "CKernels.h"

// Linear layers in integers: weights are signed codes of 8 bits with one step a row, activations
// are unsigned codes with one scale and one zero point a row, of 8 bits or of 16. Those of 16 bits
// are two planes of bytes, multiplied as if they were two rows. Sums are exact, hence the same on
// every instruction set, while k ≤ CK_INT8_DEPTH.

/// 2³¹ / (255 · 128): as many products of an unsigned and a signed byte cannot overflow a sum.
enum { CK_INT8_DEPTH = 65793 };

/// codes[r,i] = round(x[r,i] / scales[r]) + zeros[r] within 0…256ᵖ − 1, p being `planes`, 1 or 2,
/// so that x[r,i] ≈ scales[r] · (codes[r,i] − zeros[r]).
///
/// x [rows, width]; of two planes the more significant bytes of a row's codes, and of its zero,
/// come first: codes [rows, planes, stride] of which what follows `width` is left alone, scales
/// [rows], zeros [rows, planes]. The range is that of the row, widened to hold 0, which is coded
/// exactly. Rounding is to nearest, ties to even; the same results on every instruction set. A row
/// with a value that is not finite gets a scale that is not a number.
void ck_quantise_rows_u8(uint8_t *_Nonnull codes, float *_Nonnull scales, int32_t *_Nonnull zeros,
                         const float *_Nonnull x, size_t rows, size_t width, size_t stride,
                         size_t planes, CKInstructionSet isa);

/// sums[i,j] = Σ a[i,·] · w[j,·].
///
/// a [m, k] in rows that begin `a_stride` apart, of which ⌈k / 4⌉ words may be read; w [n, k], one
/// panel of codes (ck_panel.h); sums in rows that begin `sums_stride` apart, each of n.
/// Required: k ≤ CK_INT8_DEPTH, n ≤ CK_PANEL, a_stride ≥ 4 ⌈k / 4⌉.
void ck_dot_panel_u8_s8(int32_t *_Nonnull sums, size_t sums_stride, const uint8_t *_Nonnull a,
                        size_t a_stride, const int8_t *_Nonnull panel, size_t m, size_t n, size_t k,
                        CKAhead ahead, CKInstructionSet isa);

/// What makes sums of codes a layer's result, for a range of its columns.
typedef struct {
  /// Of each row of activations how many rows of sums there are, 1 or 2, the first times 256.
  size_t planes;
  /// One for each row, and for each row of sums.
  const float *_Nonnull scales;
  const int32_t *_Nonnull zeros;
  /// One for each column: of the codes of weights, their step and their sum.
  const float *_Nonnull steps;
  const int32_t *_Nonnull row_sums;
  const float *_Nullable bias;
} CKScaling;

/// out[i,j] = activation(scales[i] · steps[j] · c[i,j] + bias[j]), or that added to what out[i,j]
/// holds, where c[i,j] is sums[i,j] − zeros[i] · row_sums[j], or that of two planes. Rows begin
/// `out_stride` and `sums_stride` apart.
///
/// Within 4 units in the last place of each term, and what `ck_bias_activation_f32` says. The same
/// bits everywhere.
void ck_scale_sums_f32(float *_Nonnull out, size_t out_stride, const int32_t *_Nonnull sums,
                       size_t sums_stride, CKScaling scaling, size_t m, size_t n,
                       CKActivation activation, bool accumulating, CKInstructionSet isa);
