#pragma once
#include "ck_float.h"

// Arithmetic that gives the same bits on every processor, for floats that decide what a pack holds:
//   - each sum is made in the order of its index, by one accumulator;
//   - what is fused is written down: in products of matrices each product is added and rounded
//     once, elsewhere each product and each sum is rounded by itself; the compiler may contract
//     nothing (the files say so), and vectors run across results, never along a sum;
//   - nothing is asked of a library, whose last bit is the system's; division and square root are
//     exactly rounded by IEEE 754.

/// Floats of scratch that a product needs.
enum { CK_REPRODUCIBLE_SCRATCH = 512 * 32 };

/// out[i,j] += Σₛ a[i,s] · b[s,j], onto what out holds, in the order of s, each step rounded once.
///
/// out [m, n] in rows `out_stride` apart; a[i,s] is at a[i·a_row + s·a_step] and b[s,j] at
/// b[s·b_step + j·b_column].
void ck_reproducible_product(float *_Nonnull out, size_t out_stride, const float *_Nonnull a,
                             size_t a_row, size_t a_step, const float *_Nonnull b, size_t b_step,
                             size_t b_column, size_t m, size_t n, size_t k,
                             float *_Nonnull scratch, CKInstructionSet isa);

/// row[i] = exp(scale · (row[i] − max row)) / their sum. Within 10⁻⁶ as in `ck_softmax_f32`.
void ck_reproducible_softmax(float *_Nonnull row, size_t count, float scale, CKInstructionSet isa);

/// values[i] = activation(values[i]), within 4·10⁻⁷ · |x|; σ(x) within 4·10⁻⁷.
void ck_reproducible_activate(float *_Nonnull values, size_t count, CKActivation activation,
                              CKInstructionSet isa);

/// gradient[i] *= the activation's derivative at x[i], which is within 10⁻⁶.
void ck_reproducible_activation_gradient(float *_Nonnull gradient, const float *_Nonnull x,
                                         size_t count, CKActivation activation,
                                         CKInstructionSet isa);

/// The binary logarithm, within 3 units in the last place of a double; exact for powers of two.
double ck_reproducible_log2(double x);
