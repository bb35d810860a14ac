#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "CPlatform.h"

enum { longest = 4096 };

/// Reads `count` whole numbers from the beginning of a file; how many there are.
static int numbers(const char *folder, const char *name, long long *first, long long *second) {
  char path[longest + 64];
  if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return 0;
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  int found = fscanf(file, "%lld %lld", first, second);
  fclose(file);
  return found > 0 ? found : 0;
}

/// What a group's own files allow, rounded up to whole processors; `most` where they say nothing.
static size_t allowed(const char *folder, size_t most) {
  long long quota = 0, period = 0, unused;
  // Version 2 has both in one file, "max" for no limit; version 1 has two, -1 for no limit.
  if (numbers(folder, "cpu.max", &quota, &period) != 2 &&
      (numbers(folder, "cpu.cfs_quota_us", &quota, &unused) < 1 ||
       numbers(folder, "cpu.cfs_period_us", &period, &unused) < 1))
    return most;
  if (quota <= 0 || period <= 0) return most;
  unsigned long long whole = (unsigned long long)quota / (unsigned long long)period;
  if (quota % period != 0) ++whole;
  return whole < most ? (size_t)whole : most;
}

/// The least of what a group and those above it allow; `folder` is cut short on the way.
static size_t least(char *folder, size_t root, size_t most) {
  while (1) {
    most = allowed(folder, most);
    char *slash = strrchr(folder, '/');
    if (!slash || (size_t)(slash - folder) < root) return most;
    *slash = 0;
  }
}

size_t cp_group_processors(const char *groups, const char *mount, size_t most) {
  FILE *file = fopen(groups, "re");
  if (!file) return most;
  char line[longest], folder[2 * longest + 64];
  // <number>:<controllers>:<path>; version 2 has no controllers.
  while (fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = 0;
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = 0;
    ++controllers;
    if (*controllers != 0) {
      char list[longest + 2];
      snprintf(list, sizeof list, ",%s,", controllers);
      if (!strstr(list, ",cpu,")) continue;
    }
    const char *slash = *controllers ? "/" : "";
    int root = snprintf(NULL, 0, "%s%s%s", mount, slash, controllers);
    if (snprintf(folder, sizeof folder, "%s%s%s%s", mount, slash, controllers,
                 strcmp(path, "/") == 0 ? "" : path) >= (int)sizeof folder)
      continue;
    most = least(folder, (size_t)root, most);
  }
  fclose(file);
  return most;
}
