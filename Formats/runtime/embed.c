/* Embeds with a pack, to compare readers by:

     cc -std=c11 -O3 -o embed embed.c runtime.c -lzstd -lm
     ./embed PACK [--pixels FILE] [--ids FILE]

   FILE holds float32 [N, C, H, W], or int32 [M, most], negative behind the last id of each text.
   Prints an embedding a line, those of pixels first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

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

int main(int count, char **arguments) {
  char error[256] = "no memory is left";
  size_t size, shape[3];
  if (count < 2) return fprintf(stderr, "usage: embed PACK [--pixels FILE] [--ids FILE]\n"), 64;
  void *file = contents(arguments[1], &size);
  cr_model *model = cr_open(file, size, error, sizeof error);
  free(file);
  if (!model) return fprintf(stderr, "embed: %s: %s\n", arguments[1], error), 1;
  size_t width = cr_width(model), most = cr_text_length(model);
  cr_pixels(model, shape);
  float *row = malloc(width * sizeof *row);
  int status = 0;
  for (int i = 2; i + 1 < count && !status; i += 2) {
    int texts = !strcmp(arguments[i], "--ids");
    size_t stride = texts ? most : shape[0] * shape[1] * shape[2];
    char *input = contents(arguments[i + 1], &size);
    for (size_t n = 0; stride && n < size / 4 / stride && !status; ++n) {
      const char *sample = input + n * stride * 4;
      size_t used = 0;
      while (texts && used < most && ((const int32_t *)(const void *)sample)[used] >= 0) ++used;
      status = texts ? cr_embed_ids(model, (const int32_t *)(const void *)sample, used, row, error,
                                    sizeof error)
                     : cr_embed_pixels(model, (const float *)(const void *)sample, row, error,
                                       sizeof error);
      for (size_t j = 0; !status && j < width; ++j)
        printf("%.9g%c", (double)row[j], j + 1 < width ? ' ' : '\n');
    }
    free(input);
  }
  if (status) fprintf(stderr, "embed: %s\n", error);
  free(row), cr_close(model);
  return status ? 1 : 0;
}
