#include "reader.h"

#include <string.h>

CIOutcome ci_note(CIReader *reader, CIOutcome outcome, const char *message) {
  if (reader->outcome != CIOutcomeFine) return reader->outcome;
  reader->outcome = outcome;
  strncpy(reader->message, message, sizeof reader->message - 1);
  return outcome;
}

// The source over white, as Pillow computes it: 7 bits more than the result has, division by 255
// by shifts, rounded. `white` is opaque, so that the sum of both weights is 255 · 2⁷.
static uint8_t over_white(unsigned level, unsigned alpha) {
  unsigned blended = level * (alpha << 7) + 255u * ((255u - alpha) << 7) + (0x80u << 7);
  return (uint8_t)((((blended >> 8) + blended) >> 8) >> 7);
}

void ci_put(uint8_t *out, const uint8_t *rgb, unsigned alpha, bool composite) {
  if (!composite || alpha == 255)
    memcpy(out, rgb, 3);
  else if (alpha == 0)
    memset(out, 255, 3);
  else
    for (int c = 0; c < 3; c++) out[c] = over_white(rgb[c], alpha);
}

CIOutcome ci_outcome(const CIReader *reader) { return reader->outcome; }
const char *ci_message(const CIReader *reader) { return reader->message; }
size_t ci_width(const CIReader *reader) { return reader->width; }
size_t ci_height(const CIReader *reader) { return reader->height; }
uint64_t ci_least_bytes(const CIReader *reader) { return reader->least_bytes; }

CIOutcome ci_start(CIReader *reader, CIAlpha alpha) {
  if (reader->outcome != CIOutcomeFine) return reader->outcome;
  return reader->start(reader, alpha);
}

CIOutcome ci_read_row(CIReader *reader, uint8_t *row, size_t capacity) {
  if (reader->outcome != CIOutcomeFine) return reader->outcome;
  if (capacity != 3 * reader->width)
    return ci_note(reader, CIOutcomeMalformed, "row has a different width");
  return reader->read_row(reader, row);
}

CIOutcome ci_finish(CIReader *reader) {
  if (reader->outcome != CIOutcomeFine) return reader->outcome;
  return reader->finish(reader);
}

void ci_close(CIReader *reader) { reader->close(reader); }
