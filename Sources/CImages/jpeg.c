#include "reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// An encoder makes about ten scans, at most some hundred by hand. A small file of many scans over a
// large frame would keep a decoder busy for hours: each visits all pixels. The budget takes about
// a second; a picture of any size may have what an encoder makes.
enum { most_scans = 500, least_scans = 12 };
static const uint64_t most_visits = 1200000000;

// A picture in several scans is kept whole, as 16-bit coefficients, until the last one: this is
// enough for 64 megapixels with halved colours, 32 without.
static const uint64_t most_coefficient_bytes = 192000000;

typedef struct {
  CIReader base;
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf escape;
  uint8_t *row;  // CMYK, width × 4; NULL when the library gives RGB itself
} JPEGReader;

static JPEGReader *reader_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void error_exit(j_common_ptr jpeg) {
  JPEGReader *reader = reader_of(jpeg);
  char text[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, text);
  CIOutcome outcome;
  switch (jpeg->err->msg_code) {
  case JERR_OUT_OF_MEMORY: outcome = CIOutcomeMemory; break;
  case JERR_BAD_PRECISION:
  case JERR_SOF_UNSUPPORTED:
  case JERR_ARITH_NOTIMPL:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_CCIR601_NOTIMPL: outcome = CIOutcomeUnsupported; break;
  default: outcome = CIOutcomeMalformed;
  }
  ci_note(&reader->base, outcome, text);
  longjmp(reader->escape, 1);
}

static void ignore_message(j_common_ptr jpeg) { (void)jpeg; }
static void do_nothing(j_decompress_ptr jpeg) { (void)jpeg; }

// There is no more than the caller gave: the library stops and says that it could not go on,
// rather than inventing an end of image.
static boolean at_end(j_decompress_ptr jpeg) {
  (void)jpeg;
  return FALSE;
}

static void skip(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  size_t left = jpeg->src->bytes_in_buffer;
  size_t step = (size_t)count < left ? (size_t)count : left;
  jpeg->src->next_input_byte += step;
  jpeg->src->bytes_in_buffer -= step;
}

static void limit_scans(j_common_ptr jpeg) {
  JPEGReader *reader = reader_of(jpeg);
  uint64_t most = most_visits / ((uint64_t)reader->base.width * reader->base.height + 1);
  if (most > most_scans) most = most_scans;
  if (most < least_scans) most = least_scans;
  if ((uint64_t)((j_decompress_ptr)jpeg)->input_scan_number <= most) return;
  char text[80];
  snprintf(text, sizeof text, "more than %d scans over %zu × %zu pixels", (int)most,
           reader->base.width, reader->base.height);
  ci_note(&reader->base, CIOutcomeMalformed, text);
  longjmp(reader->escape, 1);
}

static CIOutcome truncated(JPEGReader *reader) {
  return ci_note(&reader->base, CIOutcomeTruncated, "the file ends before the picture");
}

static uint64_t coefficient_bytes(const struct jpeg_decompress_struct *jpeg) {
  uint64_t bytes = 0;
  for (int c = 0; c < jpeg->num_components; c++) {
    const jpeg_component_info *component = &jpeg->comp_info[c];
    bytes += (uint64_t)component->width_in_blocks * component->height_in_blocks * sizeof(JBLOCK);
  }
  return bytes;
}

static CIOutcome start(CIReader *base, CIAlpha alpha) {
  (void)alpha;  // JPEG has none
  JPEGReader *reader = (JPEGReader *)base;
  uint64_t bytes = coefficient_bytes(&reader->jpeg);
  if (jpeg_has_multiple_scans(&reader->jpeg) && bytes > most_coefficient_bytes) {
    char text[120];
    snprintf(text, sizeof text,
        "several scans of %zu × %zu pixels take %llu bytes, at most %llu are allowed; one scan "
        "would do",
        base->width, base->height, (unsigned long long)bytes,
        (unsigned long long)most_coefficient_bytes);
    return ci_note(base, CIOutcomeUnsupported, text);
  }
  if (setjmp(reader->escape)) return base->outcome;
  if (reader->jpeg.num_components == 4) {
    reader->row = malloc(4 * base->width);
    if (!reader->row) return ci_note(base, CIOutcomeMemory, "");
    reader->jpeg.out_color_space = JCS_CMYK;
  } else {
    reader->jpeg.out_color_space = JCS_RGB;
  }
  if (!jpeg_start_decompress(&reader->jpeg)) return truncated(reader);
  return base->outcome;
}

// a·b / 255, rounded, by shifts; exact for 0…255.
static unsigned multiply(unsigned a, unsigned b) {
  unsigned product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Adobe's convention: files hold 255 − C, 255 − M, 255 − Y, 255 − K.
static void rgb_of_inverted_cmyk(uint8_t *rgb, const uint8_t *cmyk, size_t count) {
  for (size_t i = 0; i < count; i++) {
    unsigned light = cmyk[4 * i + 3];
    for (size_t c = 0; c < 3; c++)
      rgb[3 * i + c] = (uint8_t)(light - multiply(255u - cmyk[4 * i + c], light));
  }
}

static CIOutcome read_row(CIReader *base, uint8_t *row) {
  JPEGReader *reader = (JPEGReader *)base;
  if (setjmp(reader->escape)) return base->outcome;
  JSAMPROW target = reader->row ? reader->row : row;
  if (jpeg_read_scanlines(&reader->jpeg, &target, 1) != 1) return truncated(reader);
  if (reader->row) rgb_of_inverted_cmyk(row, reader->row, base->width);
  return base->outcome;
}

static CIOutcome finish(CIReader *base) {
  JPEGReader *reader = (JPEGReader *)base;
  if (setjmp(reader->escape)) return base->outcome;
  // Every pixel has been decoded; a missing end of image changes none, and Pillow accepts it.
  (void)jpeg_finish_decompress(&reader->jpeg);
  return base->outcome;
}

static void close_reader(CIReader *base) {
  JPEGReader *reader = (JPEGReader *)base;
  if (!setjmp(reader->escape)) jpeg_destroy_decompress(&reader->jpeg);
  free(reader->row);
  free(reader);
}

static void open_reader(JPEGReader *reader, const uint8_t *bytes, size_t count) {
  if (setjmp(reader->escape)) return;
  reader->jpeg.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = error_exit;
  reader->errors.output_message = ignore_message;
  reader->jpeg.client_data = reader;
  jpeg_create_decompress(&reader->jpeg);  // clears everything but err and client_data
  reader->progress.progress_monitor = limit_scans;
  reader->jpeg.progress = &reader->progress;
  reader->source = (struct jpeg_source_mgr){
      .next_input_byte = bytes,
      .bytes_in_buffer = count,
      .init_source = do_nothing,
      .fill_input_buffer = at_end,
      .skip_input_data = skip,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = do_nothing,
  };
  reader->jpeg.src = &reader->source;

  if (jpeg_read_header(&reader->jpeg, TRUE) != JPEG_HEADER_OK) {
    truncated(reader);
    return;
  }
  int components = reader->jpeg.num_components;
  if (components != 1 && components != 3 && components != 4) {
    char text[80];
    snprintf(text, sizeof text, "%d components, 1, 3 and 4 are read", components);
    ci_note(&reader->base, CIOutcomeUnsupported, text);
    return;
  }
  reader->base.width = reader->jpeg.image_width;
  reader->base.height = reader->jpeg.image_height;
  if (!reader->jpeg.arith_code) {
    uint64_t blocks = 0;
    for (int i = 0; i < components; i++)
      blocks += (uint64_t)reader->jpeg.comp_info[i].width_in_blocks *
                reader->jpeg.comp_info[i].height_in_blocks;
    reader->base.least_bytes = blocks / 8;
  }
}

CIReader *ci_open_jpeg(const uint8_t *bytes, size_t count) {
  JPEGReader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->base.start = start;
  reader->base.read_row = read_row;
  reader->base.finish = finish;
  reader->base.close = close_reader;
  open_reader(reader, bytes, count);
  return &reader->base;
}
