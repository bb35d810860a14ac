#pragma once

// Resizing 8-bit RGB with weights in fixed point: 22 fraction bits, so that a sum over a window of
// weights that add up to 1 fits an int32_t with two bits to spare. Sums wrap modulo 2³².

/// Weighted sums of neighbouring pixels in a row of RGB, rounded and clipped to 0…255.
///
/// out[3·i + c] = clip((2²¹ + Σ weights[stride·i + j] · row[3·(starts[i] + j) + c]) >> 22), j <
/// counts[i].
///
/// row is (pixels, 3), out is (outs, 3), starts and counts are (outs), weights is (outs, stride).
/// Required: starts[i] + counts[i] ≤ pixels; counts[i] ≤ stride; stride is a multiple of 16;
/// weights beyond counts[i] are 0; every weight lies in −2²³ + 2¹⁵ … 2²³ − 2¹⁵ − 2⁸.
void ck_resample_row_rgb(uint8_t *_Nonnull out, const uint8_t *_Nonnull row, size_t pixels,
                         const int32_t *_Nonnull starts, const int32_t *_Nonnull counts,
                         const int32_t *_Nonnull weights, size_t stride, size_t outs,
                         CKInstructionSet isa);

/// sums[i] += weight · row[i].
void ck_accumulate_row(int32_t *_Nonnull sums, const uint8_t *_Nonnull row, int32_t weight,
                       size_t count, CKInstructionSet isa);

/// out[i] = clip((2²¹ + sums[i]) >> 22), and sums[i] = 0. One version for every instruction set: it
/// runs once for each row of a result.
void ck_round_row(uint8_t *_Nonnull out, int32_t *_Nonnull sums, size_t count);
