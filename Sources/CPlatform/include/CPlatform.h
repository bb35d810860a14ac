#pragma once
#include <stddef.h>

/// How many processors this process may run on, at least 1.
size_t cp_processors(void);

/// How many processors the control groups of a process allow, rounded up, at most `most`: by the
/// limits of its own groups and of those above them, of either version.
///
/// - groups: `/proc/self/cgroup`, or a file like it.
/// - mount: `/sys/fs/cgroup`, or a folder like it.
size_t cp_group_processors(const char *_Nonnull groups, const char *_Nonnull mount, size_t most);

/// Tells the processor that this thread spins, so that its sibling and the power budget profit.
static inline void cp_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
