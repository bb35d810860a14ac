#pragma once
#include <stddef.h>

/// How many processors this process may run on, at least 1.
size_t cp_processors(void);

/// Tells the processor that this thread spins, so that its sibling and the power budget profit.
static inline void cp_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
