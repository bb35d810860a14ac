#pragma once
#include <stddef.h>

// Kernels for linear layers take CK_PANEL rows of weights at a time.

enum { CK_PANEL = 32 };

/// Memory that such a kernel works in, and memory that it fetches into the caches while it computes.
typedef struct {
  /// `ck_panel_bytes` of the length of a row.
  void *_Nonnull scratch;
  /// The weights that will be needed next; may be any address.
  const void *_Nonnull next;
  size_t next_bytes;
} CKPanel;

/// How much scratch a panel needs whose rows have so many bytes.
size_t ck_panel_bytes(size_t row_bytes);
