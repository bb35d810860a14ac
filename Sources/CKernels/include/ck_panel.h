#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels for linear layers take CK_PANEL rows of weights at a time.

enum { CK_PANEL = 32 };

/// Memory that a kernel fetches into the caches while it computes: what will be needed next. It may
/// be any address.
typedef struct {
  const void *_Nonnull next;
  size_t bytes;
} CKAhead;

/// Memory that a kernel for weights in rows works in, and what it fetches.
typedef struct {
  /// `ck_panel_bytes` of the length of a row.
  void *_Nonnull scratch;
  CKAhead ahead;
} CKPanel;

/// The bytes of a panel whose rows have `row_bytes` each: whole words of 4 bytes.
size_t ck_panel_bytes(size_t row_bytes);

// Codes of weights lie in panels already. A panel is 32 rows, and of these the first word of 4
// codes one after the other, then the second, …: [⌈columns / 4⌉, 32, 4]. Rows and columns that are
// missing are zero.

/// Where the code of a row and a column lies in its panel.
static inline size_t ck_panel_index(size_t row, size_t column) {
  return (column / 4 * CK_PANEL + row) * 4 + column % 4;
}

/// panels [⌈rows / 32⌉ panels] = codes [rows, columns].
void ck_pack_codes(int8_t *_Nonnull panels, const int8_t *_Nonnull codes, size_t rows,
                   size_t columns, CKInstructionSet isa);

/// codes [count, columns] = rows first..<first + count of panels.
void ck_unpack_codes(int8_t *_Nonnull codes, const int8_t *_Nonnull panels, size_t first,
                     size_t count, size_t columns);

/// sums[r] = Σ codes[r, ·]; columns ≤ 2²⁴.
void ck_sum_codes(int32_t *_Nonnull sums, const int8_t *_Nonnull panels, size_t rows,
                  size_t columns, CKInstructionSet isa);
