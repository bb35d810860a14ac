#pragma once
// Included by CKernels.h, after the instruction sets.

// Trellis-coded (dependent) quantisation: the codes v of a chain follow a machine of 32 states. A
// state s uses the quantiser s & 1: quantiser 0 has the even codes, v = 2k, quantiser 1 the odd ones
// and zero, v = 2k − sgn k; the next state is (s >> 1) ^ (s & 1 ? 29 : 0) ^ (k & 1 ? 5 : 0). A chain
// begins in state 0. Specification: Formats/clippack.md, section 5.2.

/// How many bytes of scratch a search of so many rows needs.
size_t ck_trellis_scratch(size_t rows);

/// Chooses codes for the columns of a matrix: each column is a chain of `rows` codes, which minimise
/// Σ (t − v)² + costs[q][v + 128], t = x·inverse, q the quantiser of the state that v meets, by a
/// Viterbi search over the nearest code of each quantiser and parity and over zero.
///
/// x is [rows, columns] with `stride` floats from row to row, codes likewise with `pitch`; inverse
/// is [rows], one over the row's step; costs is [2][256]. |t| ≤ 127.5. scratch is aligned to 64.
/// The same codes on every instruction set.
void ck_trellis_search(const float *_Nonnull x, size_t stride, const float *_Nonnull inverse,
                       size_t rows, size_t columns, const float *_Nonnull costs,
                       int8_t *_Nonnull codes, size_t pitch, void *_Nonnull scratch,
                       CKInstructionSet isa);

/// The same for one column whose elements lie side by side: x and codes are [rows].
void ck_trellis_search_column(const float *_Nonnull x, const float *_Nonnull inverse, size_t rows,
                              const float *_Nonnull costs, int8_t *_Nonnull codes,
                              void *_Nonnull scratch, CKInstructionSet isa);

/// How often each quantiser and code occur: counts[q][v + 128] of codes that lie row by row in
/// `columns` columns, whose first one is in column `first`, all chains beginning there.
///
/// scratch has room for count + columns bytes. Returns false when a chain is no path of the machine;
/// counts say nothing then.
bool ck_trellis_count(const int8_t *_Nonnull codes, size_t count, size_t columns, size_t first,
                      void *_Nonnull scratch, size_t *_Nonnull counts, CKInstructionSet isa);

/// How many bytes an encoded block of `count` codes takes at most.
size_t ck_trellis_bound(size_t count);

/// Encodes a block of codes, which lie as above; 0 < columns ≤ count, both below 2³².
///
/// bytes has room for `ck_trellis_bound(count)`, scratch for count + columns bytes.
/// Returns how many bytes were written; 0 when a chain is no path of the machine, or a quantiser has
/// fewer than two of its codes.
size_t ck_trellis_encode(const int8_t *_Nonnull codes, size_t count, size_t columns, size_t first,
                         void *_Nonnull scratch, uint8_t *_Nonnull bytes, CKInstructionSet isa);

/// Decodes exactly `count` codes. Any bytes are safe to decode.
///
/// scratch has room for `count` bytes. Returns 0, or what is wrong: 1 a table, 2 the bytes end too
/// early, 3 bytes are left, or a lane does not end where it began, 4 the columns.
int ck_trellis_decode(const uint8_t *_Nonnull bytes, size_t size, int8_t *_Nonnull codes,
                      size_t count, void *_Nonnull scratch, CKInstructionSet isa);
