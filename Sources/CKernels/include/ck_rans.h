#pragma once
// Included by CKernels.h, after the instruction sets.

// Entropy coding of one block of codes with a static table: range asymmetric numeral systems (rANS,
// J. Duda, arXiv:1311.2540) in 32 interleaved lanes, so that a vector decodes a lane an element.
// The layout of the bytes is specified in Formats/clippack.md, section 5.1.

/// How often each code occurs: counts[code + 128].
void ck_rans_count(const int8_t *_Nonnull codes, size_t count, size_t *_Nonnull counts);

/// How many bytes an encoded block of `count` codes takes at most.
size_t ck_rans_bound(size_t count);

/// Encodes a block of codes.
///
/// bytes has room for `ck_rans_bound(count)`.
/// Returns how many bytes were written; 0 when all codes are equal (or there is none), which this
/// coding has no table for.
size_t ck_rans_encode(const int8_t *_Nonnull codes, size_t count, uint8_t *_Nonnull bytes,
                      CKInstructionSet isa);

/// How many bytes `ck_rans_encode` would write, within a few: estimated from the counts alone.
double ck_rans_size(const int8_t *_Nonnull codes, size_t count);

/// Decodes exactly `count` codes. Any bytes are safe to decode.
///
/// Returns 0, or what is wrong: 1 the table, 2 the bytes end too early, 3 bytes are left, or a lane
/// does not end where it began.
int ck_rans_decode(const uint8_t *_Nonnull bytes, size_t size, int8_t *_Nonnull codes, size_t count,
                   CKInstructionSet isa);

/// Takes 16-bit codes apart: high[i] = codes[i] >> bits, and the bits below in planes: bit j of
/// code i is bit i mod 8 of planes[j·⌈count / 8⌉ + i / 8]. What is over in a plane's last byte is
/// 0.
///
/// codes may begin at any address; 0 ≤ bits ≤ 8, and every code fits 8 + bits bits.
void ck_split_low_bits(const void *_Nonnull codes, size_t count, unsigned bits,
                       int8_t *_Nonnull high, uint8_t *_Nonnull planes);

/// Puts them together again.
void ck_merge_low_bits(const int8_t *_Nonnull high, const uint8_t *_Nonnull planes, size_t count,
                       unsigned bits, void *_Nonnull codes);
