#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Decoding PNG (libpng), JPEG (libjpeg-turbo) and WebP (libwebp) to rows of 8-bit RGB, the pixels
// that Pillow's `Image.open(file).convert("RGB")` has.
//
// The first two report errors by longjmp. It never leaves this module: every function below
// returns, and what went wrong is in `ci_outcome` and `ci_message`.
//
//   reader = ci_open_png(bytes, count)      the header is read, no memory for pixels is taken
//   ci_width(reader), ci_height(reader)     the caller decides whether that is too large
//   ci_start(reader, alpha)
//   ci_read_row(reader, row, 3 * width)     `height` times, from the top
//   ci_finish(reader)                       what follows the pixels is checked
//   ci_close(reader)                        always, once
//
// After an outcome other than CIOutcomeFine, only the getters and `ci_close` may be called.

typedef enum __attribute__((enum_extensibility(closed))) {
  CIOutcomeFine = 0,
  /// The file ends before the picture does.
  CIOutcomeTruncated,
  /// The file says something that its format does not allow.
  CIOutcomeMalformed,
  /// A checksum of the file does not fit its data.
  CIOutcomeChecksum,
  /// A kind of picture that the library does not read.
  CIOutcomeUnsupported,
  /// There is not enough memory.
  CIOutcomeMemory,
} CIOutcome;

/// What becomes of transparency.
typedef enum __attribute__((enum_extensibility(closed))) {
  CIAlphaDrop = 0,
  /// Composited on white, with the rounding of Pillow's `Image.alpha_composite`.
  CIAlphaWhite = 1,
} CIAlpha;

typedef struct CIReader CIReader;

/// Reads the header of a PNG file.
///
/// The `count` bytes must stay where they are until `ci_close`.
/// Returns NULL when there is no memory for the reader itself.
CIReader *_Nullable ci_open_png(const uint8_t *_Nonnull bytes, size_t count);

/// Reads the header of a JPEG file. As `ci_open_png`.
CIReader *_Nullable ci_open_jpeg(const uint8_t *_Nonnull bytes, size_t count);

/// Reads the header of a WebP file. As `ci_open_png`. Of an animation the first frame is read.
CIReader *_Nullable ci_open_webp(const uint8_t *_Nonnull bytes, size_t count);

CIOutcome ci_outcome(const CIReader *_Nonnull reader);

/// The library's own words, UTF-8, empty when all is fine; valid until the next call.
const char *_Nonnull ci_message(const CIReader *_Nonnull reader);

/// In pixels; known after opening.
size_t ci_width(const CIReader *_Nonnull reader);
size_t ci_height(const CIReader *_Nonnull reader);

/// The fewest bytes that a complete file of this kind and extent can have; known after opening.
///
/// PNG: deflate makes at most 1032 bytes of one. JPEG with Huffman codes: every 8×8 block of every
/// component has a DC coefficient, which takes at least one bit. Otherwise 0.
uint64_t ci_least_bytes(const CIReader *_Nonnull reader);

/// Takes the memory that decoding needs. An interlaced PNG, a progressive JPEG and a WebP are
/// decoded here.
CIOutcome ci_start(CIReader *_Nonnull reader, CIAlpha alpha);

/// Writes the next row: red, green and blue of each pixel. `capacity` must be 3 × width.
CIOutcome ci_read_row(CIReader *_Nonnull reader, uint8_t *_Nonnull row, size_t capacity);

/// Reads on to the end of the file, after the last row.
CIOutcome ci_finish(CIReader *_Nonnull reader);

void ci_close(CIReader *_Nonnull reader);
