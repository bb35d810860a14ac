#pragma once
#include "CKernels.h"

// Conversions between element types. All give the same bits on every instruction set. What comes
// from or goes to a file is `void`, because it may begin at any address.

/// IEEE binary16 to binary32. Every value is exact, and a NaN keeps its sign, payload and whether
/// it signals (which the processor's own instruction would not).
void ck_f16_to_f32(float *_Nonnull out, const void *_Nonnull in, size_t count,
                   CKInstructionSet isa);

/// bfloat16 to binary32, exact for every bit pattern.
void ck_bf16_to_f32(float *_Nonnull out, const void *_Nonnull in, size_t count,
                    CKInstructionSet isa);

/// binary32 to binary16, to nearest, ties to even. A NaN keeps its sign and the upper 10 bits of
/// its payload, or gets payload 1 where these are zero, as NumPy does.
///
/// - Returns: how many finite values became infinite, being 65 520 or more in magnitude.
size_t ck_f32_to_f16(void *_Nonnull out, const void *_Nonnull in, size_t count,
                     CKInstructionSet isa);

/// binary32 to bfloat16, to nearest, ties to even. A NaN keeps its sign and the upper 7 bits of its
/// payload, or gets payload 1 where these are zero.
///
/// - Returns: how many finite values became infinite.
size_t ck_f32_to_bf16(void *_Nonnull out, const void *_Nonnull in, size_t count,
                      CKInstructionSet isa);

/// out[i] = codes[i] · step, rounded once.
void ck_i8_to_f32(float *_Nonnull out, const int8_t *_Nonnull codes, float step, size_t count,
                  CKInstructionSet isa);
