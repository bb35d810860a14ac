/* Embeds with a pack, to compare readers by:

     cc -std=c11 -O3 -o embed embed.c runtime.c -lzstd -lm
     ./embed PACK [--pixels FILE] [--ids FILE] [--rgb FILE] [--prepare FILE]

   Prints an embedding a line. FILE of --pixels holds float32 [N, C, H, W]; of --ids int32 [M,
   most], negative behind the last id of each text; of --rgb int32 width and height, and [height,
   width, 3] levels. --prepare prints what the image tower takes of such a picture instead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

static char error[256] = "no memory is left";

static void *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END))
    exit((fprintf(stderr, "embed: %s cannot be read\n", path), 2));
  *size = (size_t)ftell(file);
  void *bytes = malloc(*size + 1);
  rewind(file);
  if (!bytes || fread(bytes, 1, *size, file) != *size)
    exit((fprintf(stderr, "embed: %s cannot be read\n", path), 2));
  fclose(file);
  return bytes;
}

static void print(const float *row, size_t count) {
  for (size_t i = 0; i < count; ++i) printf("%.9g%c", (double)row[i], i + 1 < count ? ' ' : '\n');
}

/* A picture with its extents before it. */
static int prepare(cr_model *model, const char *bytes, size_t size, float *pixels) {
  int32_t extents[2] = {0};
  if (size >= 8) memcpy(extents, bytes, 8);
  size_t width = (size_t)extents[0], height = (size_t)extents[1];
  if (extents[0] < 0 || extents[1] < 0 || size - 8 != 3 * width * height)
    return snprintf(error, sizeof error, "a picture is not as long as its extents say"), -1;
  return cr_prepare_rgb(model, (const uint8_t *)bytes + 8, width, height, 3 * width, pixels, error,
                        sizeof error);
}

static int embed(cr_model *model, const char *option, const char *bytes, size_t size) {
  size_t shape[3], width = cr_width(model), most = cr_text_length(model);
  cr_pixels(model, shape);
  size_t count = shape[0] * shape[1] * shape[2];
  int texts = !strcmp(option, "--ids"), status = 0;
  size_t stride = texts ? most : count;
  float *row = malloc(width * sizeof *row), *pixels = malloc((count + 1) * sizeof *pixels);
  if (!strcmp(option, "--rgb") || !strcmp(option, "--prepare")) {
    status = prepare(model, bytes, size, pixels);
    if (!status && option[2] == 'r')
      status = cr_embed_pixels(model, pixels, row, error, sizeof error);
    if (!status) print(option[2] == 'r' ? row : pixels, option[2] == 'r' ? width : count);
    size = 0;
  }
  for (size_t n = 0; stride && n < size / 4 / stride && !status; ++n) {
    const void *sample = bytes + n * stride * 4;
    size_t used = 0;
    while (texts && used < most && ((const int32_t *)sample)[used] >= 0) ++used;
    status = texts ? cr_embed_ids(model, sample, used, row, error, sizeof error)
                   : cr_embed_pixels(model, sample, row, error, sizeof error);
    if (!status) print(row, width);
  }
  free(row), free(pixels);
  return status;
}

int main(int count, char **arguments) {
  size_t size;
  if (count < 2) return fprintf(stderr, "usage: embed PACK [--pixels FILE] [--ids FILE]\n"), 64;
  void *file = contents(arguments[1], &size);
  cr_model *model = cr_open(file, size, error, sizeof error);
  free(file);
  if (!model) return fprintf(stderr, "embed: %s: %s\n", arguments[1], error), 1;
  int status = 0;
  for (int i = 2; i + 1 < count && !status; i += 2) {
    char *input = contents(arguments[i + 1], &size);
    status = embed(model, arguments[i], input, size);
    free(input);
  }
  if (status) fprintf(stderr, "embed: %s\n", error);
  cr_close(model);
  return status ? 1 : 0;
}
