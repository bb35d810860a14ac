#pragma once
#include "CImages.h"

// What the libraries' readers have in common. Each begins with this structure.

struct CIReader {
  CIOutcome outcome;
  char message[256];
  size_t width, height;
  uint64_t least_bytes;
  CIOutcome (*start)(CIReader *reader, CIAlpha alpha);
  CIOutcome (*read_row)(CIReader *reader, uint8_t *row);
  CIOutcome (*finish)(CIReader *reader);
  void (*close)(CIReader *reader);
};

/// Notes what went wrong, unless something is noted already. Returns what is noted.
CIOutcome ci_note(CIReader *reader, CIOutcome outcome, const char *message);

/// Writes a pixel, over white where `composite`.
void ci_put(uint8_t *out, const uint8_t *rgb, unsigned alpha, bool composite);
