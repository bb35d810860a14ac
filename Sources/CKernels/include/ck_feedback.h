#pragma once
// Included by CKernels.h, after the instruction sets.

// Quantising with error feedback: what one column of a matrix errs is made up for by the next ones.
// Single-precision sums in a fixed order, without contraction: the same on every processor.

/// out[i] += factor · in[i].
void ck_add_scaled_f32(float *_Nonnull out, const float *_Nonnull in, float factor, size_t count,
                       CKInstructionSet isa);

/// codes[i] = targets[i] · inverses[i], rounded to the nearest whole number (ties to even) within
/// ±limit, which is a whole number up to 32767.
void ck_feedback_round(const float *_Nonnull targets, const float *_Nonnull inverses, size_t count,
                       float limit, int16_t *_Nonnull codes, CKInstructionSet isa);

/// errors[i] = values[i] − codes[i] · steps[i].
void ck_feedback_errors(const float *_Nonnull values, const int16_t *_Nonnull codes,
                        const float *_Nonnull steps, size_t count, float *_Nonnull errors,
                        CKInstructionSet isa);
