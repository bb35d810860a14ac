#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

// A WebP is decoded whole, into a canvas of 4 bytes a pixel; what is compressed without loss takes as
// much again while it is. So many bytes are 48 megapixels of a photo, 24 of the other kind.
static const uint64_t most_bytes = 192000000;

typedef struct {
  CIReader base;
  WebPData data;
  WebPBitstreamFeatures features;
  bool composite;
  uint8_t *canvas;  // red, green, blue, alpha; width × height
  size_t next_row;
} WebPReader;

static CIOutcome note_status(WebPReader *reader, VP8StatusCode status) {
  switch (status) {
  case VP8_STATUS_OK: return reader->base.outcome;
  case VP8_STATUS_OUT_OF_MEMORY: return ci_note(&reader->base, CIOutcomeMemory, "");
  case VP8_STATUS_NOT_ENOUGH_DATA:
    return ci_note(&reader->base, CIOutcomeTruncated, "the file ends before the picture");
  case VP8_STATUS_UNSUPPORTED_FEATURE:
    return ci_note(&reader->base, CIOutcomeUnsupported, "the file has a feature of no known WebP");
  default: return ci_note(&reader->base, CIOutcomeMalformed, "the compressed data are damaged");
  }
}

// The first frame, at its place on a canvas that is transparent elsewhere: what Pillow shows of an
// animation before it is moved on. A still picture is a frame as large as the canvas.
static void decode(WebPReader *reader, const WebPIterator *frame) {
  size_t width = reader->base.width, height = reader->base.height;
  WebPBitstreamFeatures features;
  VP8StatusCode status = WebPGetFeatures(frame->fragment.bytes, frame->fragment.size, &features);
  if (status != VP8_STATUS_OK) {
    note_status(reader, status);
    return;
  }
  uint64_t bytes = 4 * (uint64_t)width * height;
  if (features.format == 2) bytes += 4 * (uint64_t)features.width * (uint64_t)features.height;
  if (bytes > most_bytes) {
    ci_note(&reader->base, CIOutcomeUnsupported,
            "the picture takes more memory than 48 megapixels of a photo, or 24 that are "
            "compressed without loss");
    return;
  }
  if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width <= 0 || frame->height <= 0 ||
      features.width != frame->width || features.height != frame->height ||
      (size_t)frame->x_offset + (size_t)frame->width > width ||
      (size_t)frame->y_offset + (size_t)frame->height > height) {
    ci_note(&reader->base, CIOutcomeMalformed, "the first frame lies beyond the canvas");
    return;
  }
  // Where no frame is, what was in memory before must not show.
  reader->canvas = calloc(height, 4 * width);
  if (!reader->canvas) {
    ci_note(&reader->base, CIOutcomeMemory, "");
    return;
  }
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    ci_note(&reader->base, CIOutcomeUnsupported, "the library is of another version");
    return;
  }
  size_t start = 4 * ((size_t)frame->y_offset * width + (size_t)frame->x_offset);
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = reader->canvas + start;
  config.output.u.RGBA.stride = (int)(4 * width);
  config.output.u.RGBA.size = 4 * width * height - start;
  note_status(reader, WebPDecode(frame->fragment.bytes, frame->fragment.size, &config));
}

static CIOutcome start(CIReader *base, CIAlpha alpha) {
  WebPReader *reader = (WebPReader *)base;
  // Pillow takes alpha for what it is only where the file says that it has any.
  reader->composite = alpha == CIAlphaWhite && reader->features.has_alpha;
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  WebPDemuxer *demuxer = WebPDemuxPartial(&reader->data, &state);
  WebPIterator frame;
  if (!demuxer || state == WEBP_DEMUX_PARSE_ERROR) {
    ci_note(base, CIOutcomeMalformed, "the chunks of the file are no WebP");
  } else if (state != WEBP_DEMUX_DONE) {
    ci_note(base, CIOutcomeTruncated, "the file ends before the picture");
  } else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
    ci_note(base, CIOutcomeMalformed, "the file has no frame");
  } else {
    decode(reader, &frame);
    WebPDemuxReleaseIterator(&frame);
  }
  WebPDemuxDelete(demuxer);
  return base->outcome;
}

static CIOutcome read_row(CIReader *base, uint8_t *row) {
  WebPReader *reader = (WebPReader *)base;
  if (reader->next_row >= base->height)
    return ci_note(base, CIOutcomeMalformed, "more rows asked for than there are");
  const uint8_t *in = reader->canvas + 4 * base->width * reader->next_row++;
  for (size_t x = 0; x < base->width; x++)
    ci_put(row + 3 * x, in + 4 * x, in[4 * x + 3], reader->composite);
  return base->outcome;
}

static CIOutcome finish(CIReader *base) { return base->outcome; }

static void close_reader(CIReader *base) {
  WebPReader *reader = (WebPReader *)base;
  free(reader->canvas);
  free(reader);
}

CIReader *ci_open_webp(const uint8_t *bytes, size_t count) {
  WebPReader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->base.start = start;
  reader->base.read_row = read_row;
  reader->base.finish = finish;
  reader->base.close = close_reader;
  reader->data = (WebPData){.bytes = bytes, .size = count};
  if (note_status(reader, WebPGetFeatures(bytes, count, &reader->features)) == CIOutcomeFine) {
    reader->base.width = (size_t)reader->features.width;
    reader->base.height = (size_t)reader->features.height;
  }
  return &reader->base;
}
