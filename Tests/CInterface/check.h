/* What the programs that call libclippack from C share. */
#pragma once
#include <clippack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Ends the program unless something holds. */
#define CHECK(holds)                                                                             \
  do {                                                                                           \
    if (!(holds)) {                                                                              \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #holds, clippack_last_error());     \
      exit(1);                                                                                   \
    }                                                                                            \
  } while (0)

static inline void *need(size_t bytes) {
  void *memory = malloc(bytes ? bytes : 1);
  CHECK(memory);
  return memory;
}

static inline clippack_model *opened(const char *path, clippack_info *info) {
  clippack_model *model;
  CHECK(clippack_open(path, NULL, &model) == CLIPPACK_OK);
  info->size = sizeof *info;
  CHECK(clippack_get_info(model, info) == CLIPPACK_OK);
  return model;
}

/* The whole of a file. */
static inline unsigned char *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  CHECK(file && fseek(file, 0, SEEK_END) == 0);
  *size = (size_t)ftell(file);
  rewind(file);
  unsigned char *bytes = need(*size);
  CHECK(fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}
