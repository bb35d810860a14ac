#include "reader.h"

#include <string.h>

CIOutcome ci_note(CIReader *reader, CIOutcome outcome, const char *message) {
  if (reader->outcome != CIOutcomeFine) return reader->outcome;
  reader->outcome = outcome;
  strncpy(reader->message, message, sizeof reader->message - 1);
  return outcome;
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
