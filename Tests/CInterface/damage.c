/* damage PACK SCRATCH: packs with changed bytes and packs that end early are refused with a reason
   or answer like the whole one; none ends the process. PACK needs no tokenizer. */
#include "check.h"

enum { changes = 400, cuts = 100, most_width = 4096, most_ids = 1024 };
static float pixels[3 * 512 * 512], expected[2][most_width];
static int refused, sound;

/* Whether the pack was refused. */
static int ask(const char *path, float rows[2][most_width]) {
  clippack_model *model;
  int status = clippack_open(path, NULL, &model);
  if (status == CLIPPACK_OK) {
    clippack_info info = {.size = sizeof info};
    static int32_t ids[most_ids];
    size_t length = 3;
    ids[0] = 1, ids[1] = 2, ids[2] = 3;
    status = clippack_get_info(model, &info);
    if (status == CLIPPACK_OK) {
      CHECK(info.width <= most_width && info.context_length <= most_ids);
      CHECK(3 * info.image_height * info.image_width <= COUNT(pixels));
      status = clippack_embed_ids(model, ids, &length, 1, rows[0]);
    }
    if (status == CLIPPACK_OK) status = clippack_embed_pixels(model, pixels, 1, rows[1]);
    if (status != CLIPPACK_OK) CHECK(clippack_last_error()[0]);
    clippack_close(model);
    return status != CLIPPACK_OK;
  }
  CHECK(!model && clippack_last_error()[0]);
  return 1;
}

static void judge(const char *path) {
  static float found[2][most_width];
  memcpy(found, expected, sizeof found);
  if (ask(path, found)) {
    ++refused;
    return;
  }
  ++sound;
  CHECK(memcmp(found, expected, sizeof found) == 0);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  const char *scratch = arguments[2];
  for (size_t i = 0; i < COUNT(pixels); ++i) pixels[i] = (float)(i % 97) / 97;
  CHECK(!ask(arguments[1], expected));
  size_t size;
  unsigned char *bytes = contents(arguments[1], &size);
  uint64_t state = 7;
  for (int i = 0; i < changes; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    /* Half of them at the beginning, where what is declared stands. */
    size_t at = (size_t)(state >> 33) % (i % 2 ? size : size < 4096 ? size : 4096);
    unsigned char old = bytes[at];
    bytes[at] ^= (unsigned char)(1 + (state >> 20) % 255);
    write_file(scratch, bytes, size);
    judge(scratch);
    bytes[at] = old;
  }
  for (int i = 0; i < cuts; ++i) {
    write_file(scratch, bytes, size * (size_t)i / cuts);
    judge(scratch);
  }
  free(bytes);
  /* Evidence and attachments are not read to answer; nearly all else is. */
  printf("refused %d, sound %d\n", refused, sound);
  CHECK(refused >= (changes + cuts) / 2);
  return 0;
}
