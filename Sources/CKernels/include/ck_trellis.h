#pragma once
// Included by CKernels.h, after the instruction sets.

// Trellis-coded (dependent) quantisation: the codes v of a chain follow a machine of 32 states. In
// state s a symbol k stands for v = 2k + (s & 1), so the two quantisers have the even and the odd
// codes, and leads to the state (s >> 1) ^ (s & 1 ? 24 : 0) ^ (k & 1 ? 5 : 0). A chain begins in
// state 0. Specification: Formats/clippack.md, section 5.2.

/// The bytes of scratch that a search of `rows` rows needs.
size_t ck_trellis_scratch(size_t rows);

/// Chooses codes for the columns of a matrix: each column is a chain of `rows` codes, which
/// minimise Σ (t − v)² + costs[v + 128], t = x·inverse, by a Viterbi search over the nearest code
/// of each quantiser and parity of k.
///
/// x is [rows, columns] with `stride` floats from row to row, codes likewise with `pitch`; inverse
/// is [rows], one over the row's step; costs is [256]. A larger |t| than 127 counts as 127. scratch
/// is aligned to 64. The same codes on every instruction set.
void ck_trellis_search(const float *_Nonnull x, size_t stride, const float *_Nonnull inverse,
                       size_t rows, size_t columns, const float *_Nonnull costs,
                       int8_t *_Nonnull codes, size_t pitch, void *_Nonnull scratch,
                       CKInstructionSet isa);

/// The same for one column whose elements lie side by side: x and codes are [rows].
void ck_trellis_search_column(const float *_Nonnull x, const float *_Nonnull inverse, size_t rows,
                              const float *_Nonnull costs, int8_t *_Nonnull codes,
                              void *_Nonnull scratch, CKInstructionSet isa);

/// Whether codes are paths of the machine: code i belongs to chain i mod `columns`, as it does in
/// any run of a matrix that is stored row by row, and all chains begin here.
///
/// scratch has room for `columns` bytes.
bool ck_trellis_check(const int8_t *_Nonnull codes, size_t count, size_t columns,
                      void *_Nonnull scratch, CKInstructionSet isa);

/// How many bytes an encoded block of `count` codes takes at most.
size_t ck_trellis_bound(size_t count);

/// Encodes a block of codes, which lie as above; 0 < columns ≤ count, both below 2³².
///
/// bytes has room for `ck_trellis_bound(count)`, scratch for `columns`.
/// Returns how many bytes were written; 0 when a chain is no path, or when fewer than two even or
/// two odd codes occur.
size_t ck_trellis_encode(const int8_t *_Nonnull codes, size_t count, size_t columns,
                         void *_Nonnull scratch, uint8_t *_Nonnull bytes, CKInstructionSet isa);

/// Decodes exactly `count` codes. Any bytes are safe to decode.
///
/// scratch has room for `count` bytes. Returns 0, or what is wrong: 1 a table, 2 the bytes end too
/// early, 3 bytes are left, or a lane does not end where it began, 4 the columns.
int ck_trellis_decode(const uint8_t *_Nonnull bytes, size_t size, int8_t *_Nonnull codes,
                      size_t count, void *_Nonnull scratch, CKInstructionSet isa);
