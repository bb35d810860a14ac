#pragma once
#include "CKernels.h"

/// Encodes whole rounds of 32 codes by rANS, the last code first, each into its lane.
///
/// codes is (rounds, 32); frequencies and starts are of code + 128, frequencies below 2¹² and at
/// least 1 where a code occurs. Words of 16 bits are written downwards from `word`; returns the
/// first.
uint8_t *_Nonnull rans_push_rounds_avx512(const uint32_t frequencies[_Nonnull 256],
                                          const uint32_t starts[_Nonnull 256],
                                          const int8_t *_Nonnull codes, size_t rounds,
                                          uint32_t states[_Nonnull 32], uint8_t *_Nonnull word);
