#include "reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct {
  CIReader base;
  png_structp png;
  png_infop info;
  const uint8_t *bytes;
  size_t count, position;
  int depth, color;
  bool truncated, composite;
  uint8_t palette[256][4];  // red, green, blue, alpha; entries that the file lacks are black
  uint8_t clear[3];         // the one transparent colour, when `keyed`
  bool keyed;
  size_t row_bytes;         // of what libpng gives
  uint8_t *rows;            // one row, or all of them when interlaced
  size_t next_row;
  bool interlaced;
} PNGReader;

static void error_exit(png_structp png, png_const_charp message) {
  PNGReader *reader = png_get_error_ptr(png);
  CIOutcome outcome = CIOutcomeMalformed;
  if (reader->truncated)
    outcome = CIOutcomeTruncated;
  else if (strstr(message, "CRC error") || strstr(message, "incorrect data check"))
    outcome = CIOutcomeChecksum;
  else if (strstr(message, "memory"))
    outcome = CIOutcomeMemory;
  char header[160];
  if (strstr(message, "Invalid IHDR data") && reader->count >= 33) {
    // libpng has told the details as warnings; here they are in one.
    const uint8_t *field = reader->bytes + 24;
    snprintf(header, sizeof header,
             "IHDR has %zu × %zu pixels, bit depth %d, color type %d, compression %d, filter %d, "
             "interlace %d, which is no PNG",
             (size_t)png_get_uint_32(field - 8), (size_t)png_get_uint_32(field - 4), field[0],
             field[1], field[2], field[3], field[4]);
    message = header;
  }
  ci_note(&reader->base, outcome, message);
  longjmp(png_jmpbuf(png), 1);
}

// Pillow ignores what libpng warns of. One warning is about the pixels: the checksum of the
// compressed data as a whole.
static void warned(png_structp png, png_const_charp message) {
  if (strstr(message, "incorrect data check")) error_exit(png, message);
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  PNGReader *reader = png_get_io_ptr(png);
  if (count > reader->count - reader->position) {
    reader->truncated = true;
    png_error(png, "the file ends before the picture");
  }
  memcpy(out, reader->bytes + reader->position, count);
  reader->position += count;
}

static bool is_grey16(const PNGReader *reader) {
  return reader->color == PNG_COLOR_TYPE_GRAY && reader->depth == 16;
}

static void read_palette(PNGReader *reader) {
  png_colorp colors = NULL;
  int count = 0;
  for (int i = 0; i < 256; i++) reader->palette[i][3] = 255;
  if (png_get_PLTE(reader->png, reader->info, &colors, &count))
    for (int i = 0; i < count && i < 256; i++) {
      reader->palette[i][0] = colors[i].red;
      reader->palette[i][1] = colors[i].green;
      reader->palette[i][2] = colors[i].blue;
    }
}

// Pillow compares the low byte of what tRNS says with the pixel as it is after conversion to
// 8 bits, whatever the depth. Depth 1 alone is scaled.
static void read_transparency(PNGReader *reader) {
  png_bytep alphas = NULL;
  int count = 0;
  png_color_16p color = NULL;
  if (!png_get_tRNS(reader->png, reader->info, &alphas, &count, &color)) return;
  if (reader->color == PNG_COLOR_TYPE_PALETTE) {
    for (int i = 0; alphas && i < count && i < 256; i++) reader->palette[i][3] = alphas[i];
  } else if (reader->color == PNG_COLOR_TYPE_RGB && color) {
    reader->keyed = true;
    reader->clear[0] = (uint8_t)color->red;
    reader->clear[1] = (uint8_t)color->green;
    reader->clear[2] = (uint8_t)color->blue;
  } else if (reader->color == PNG_COLOR_TYPE_GRAY && color) {
    reader->keyed = true;
    uint8_t level =
        reader->depth == 1 ? (color->gray ? 255 : 0) : (uint8_t)color->gray;
    memset(reader->clear, level, 3);
  }
}

// How many bytes of IDAT may stand behind the last row: the end of the compressed data, and what an
// encoder may have left there. Each can be worth a thousand bytes, of which none is a pixel, and
// libpng inflates them all once it has that row.
enum { MOST_AFTER_ROWS = 1 << 16 };

// How many bytes of pixels' chunks have not been read.
static size_t left_of_pixels(const PNGReader *reader) {
  size_t left = 0, at = 8;
  while (reader->count - at >= 12) {
    size_t size = png_get_uint_32(reader->bytes + at), start = at + 8;
    if (size > reader->count - at - 12) break;
    if (!memcmp(reader->bytes + at + 4, "IDAT", 4) && start + size > reader->position)
      left += start + size - (start > reader->position ? start : reader->position);
    at += 12 + size;
  }
  return left;
}

// Whether more of IDAT is left than `rows` rows of pixels can need, however they are compressed.
static bool goes_on(const PNGReader *reader, size_t rows) {
  size_t raw = rows * reader->row_bytes;
  return left_of_pixels(reader) > MOST_AFTER_ROWS + raw + raw / 8;
}

static CIOutcome start(CIReader *base, CIAlpha alpha) {
  PNGReader *reader = (PNGReader *)base;
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png))) return base->outcome;
  reader->composite = alpha == CIAlphaWhite;
  read_palette(reader);
  read_transparency(reader);
  if (reader->color == PNG_COLOR_TYPE_PALETTE)
    png_set_packing(png);
  else if (reader->depth < 8)
    png_set_expand_gray_1_2_4_to_8(png);
  else if (reader->depth == 16 && !is_grey16(reader))
    png_set_strip_16(png);
  reader->interlaced = png_set_interlace_handling(png) > 1;
  png_read_update_info(png, reader->info);
  reader->row_bytes = png_get_rowbytes(png, reader->info);
  // Rows that never come must not show what was in memory before.
  reader->rows = calloc(reader->interlaced ? base->height : 1, reader->row_bytes);
  if (!reader->rows) return ci_note(base, CIOutcomeMemory, "");
  if (reader->interlaced && goes_on(reader, base->height))
    return ci_note(base, CIOutcomeMalformed, "IDAT goes on behind the last row of pixels");
  for (int pass = 0; reader->interlaced && pass < 7; pass++)
    for (size_t y = 0; y < base->height; y++)
      png_read_row(png, reader->rows + y * reader->row_bytes, NULL);
  return base->outcome;
}

static void put(const PNGReader *reader, uint8_t *out, const uint8_t *rgb, unsigned alpha) {
  ci_put(out, rgb, alpha, reader->composite);
}

static void put_keyed(const PNGReader *reader, uint8_t *out, const uint8_t *rgb) {
  put(reader, out, rgb, reader->keyed && !memcmp(rgb, reader->clear, 3) ? 0 : 255);
}

static void convert(const PNGReader *reader, uint8_t *out, const uint8_t *in) {
  size_t width = reader->base.width;
  switch (reader->color) {
  case PNG_COLOR_TYPE_PALETTE:
    for (size_t x = 0; x < width; x++)
      put(reader, out + 3 * x, reader->palette[in[x]], reader->palette[in[x]][3]);
    break;
  case PNG_COLOR_TYPE_GRAY:
    for (size_t x = 0; x < width; x++) {
      // 16 bits, big-endian: clipped to 255, not scaled.
      uint8_t level = is_grey16(reader) ? (in[2 * x] ? 255 : in[2 * x + 1]) : in[x];
      put_keyed(reader, out + 3 * x, (uint8_t[3]){level, level, level});
    }
    break;
  case PNG_COLOR_TYPE_GRAY_ALPHA:
    for (size_t x = 0; x < width; x++)
      put(reader, out + 3 * x, (uint8_t[3]){in[2 * x], in[2 * x], in[2 * x]}, in[2 * x + 1]);
    break;
  case PNG_COLOR_TYPE_RGB_ALPHA:
    for (size_t x = 0; x < width; x++) put(reader, out + 3 * x, in + 4 * x, in[4 * x + 3]);
    break;
  default:
    if (!reader->keyed || !reader->composite)
      memcpy(out, in, 3 * width);
    else
      for (size_t x = 0; x < width; x++) put_keyed(reader, out + 3 * x, in + 3 * x);
  }
}

static CIOutcome read_row(CIReader *base, uint8_t *row) {
  PNGReader *reader = (PNGReader *)base;
  if (setjmp(png_jmpbuf(reader->png))) return base->outcome;
  if (reader->next_row >= base->height)
    return ci_note(base, CIOutcomeMalformed, "more rows asked for than there are");
  if (!reader->interlaced && reader->next_row + 1 == base->height && goes_on(reader, 1))
    return ci_note(base, CIOutcomeMalformed, "IDAT goes on behind the last row of pixels");
  const uint8_t *source = reader->rows;
  if (reader->interlaced)
    source += reader->next_row * reader->row_bytes;
  else
    png_read_row(reader->png, reader->rows, NULL);
  reader->next_row++;
  convert(reader, row, source);
  return base->outcome;
}

// Whether every chunk of pixels that the file has is whole.
static bool pixels_are_whole(const PNGReader *reader) {
  bool seen = false;
  size_t at = 8;
  while (reader->count - at >= 12) {
    size_t size = png_get_uint_32(reader->bytes + at);
    bool pixels = !memcmp(reader->bytes + at + 4, "IDAT", 4);
    if (size > reader->count - at - 12) return seen && !pixels;
    seen |= pixels;
    at += 12 + size;
  }
  return seen;
}

static CIOutcome finish(CIReader *base) {
  PNGReader *reader = (PNGReader *)base;
  if (setjmp(png_jmpbuf(reader->png))) {
    // All rows have come, and their checksums were right; like Pillow, nothing else is missed.
    if (base->outcome == CIOutcomeTruncated && pixels_are_whole(reader)) return CIOutcomeFine;
    return base->outcome;
  }
  // Texts and times after the pixels may be damaged.
  png_set_crc_action(reader->png, PNG_CRC_DEFAULT, PNG_CRC_WARN_DISCARD);
  png_read_end(reader->png, NULL);
  return base->outcome;
}

static void close_reader(CIReader *base) {
  PNGReader *reader = (PNGReader *)base;
  png_destroy_read_struct(&reader->png, &reader->info, NULL);
  free(reader->rows);
  free(reader);
}

static void open_reader(PNGReader *reader) {
  reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, error_exit, warned);
  if (!reader->png) {
    ci_note(&reader->base, CIOutcomeMemory, "");
    return;
  }
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png))) return;
  reader->info = png_create_info_struct(png);
  if (!reader->info) {
    ci_note(&reader->base, CIOutcomeMemory, "");
    return;
  }
  png_set_read_fn(png, reader, read_bytes);
  // The caller decides about the extent; libpng's own limit is 10⁶ an edge.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  // Before the pixels, Pillow refuses any chunk with a wrong checksum.
  png_set_crc_action(png, PNG_CRC_DEFAULT, PNG_CRC_ERROR_QUIT);
  // Nothing but IHDR, PLTE, tRNS, IDAT and IEND changes pixels; the rest is skipped unread.
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
#ifdef PNG_MAXIMUM_INFLATE_WINDOW
  // Some files declare a smaller window than they use. zlib decodes them when told to expect it.
  png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
#endif
  png_read_info(png, reader->info);
  reader->base.width = png_get_image_width(png, reader->info);
  reader->base.height = png_get_image_height(png, reader->info);
  reader->depth = png_get_bit_depth(png, reader->info);
  reader->color = png_get_color_type(png, reader->info);
  reader->base.least_bytes =
      (uint64_t)png_get_rowbytes(png, reader->info) * reader->base.height / 1032;
}

CIReader *ci_open_png(const uint8_t *bytes, size_t count) {
  PNGReader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->base.start = start;
  reader->base.read_row = read_row;
  reader->base.finish = finish;
  reader->base.close = close_reader;
  reader->bytes = bytes;
  reader->count = count;
  open_reader(reader);
  return &reader->base;
}
