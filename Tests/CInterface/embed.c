/* embed PACK PICTURE BROKEN: every way to an embedding gives the same bits; prints those of a text
   and of the picture. */
#include <math.h>

#include "check.h"

static void print(const char *name, const float *row, size_t width) {
  printf("%s", name);
  for (size_t i = 0; i < width; ++i) printf(" %a", row[i]);
  printf("\n");
}

static void texts(const clippack_model *model, const clippack_info *info) {
  const size_t n = 3, width = info->width, length = info->context_length;
  char longest[1200];
  memset(longest, 0, sizeof longest);
  for (int i = 0; i < 100; ++i) strcat(longest, "photo ");
  const char *texts[] = {"a red circle", "", longest};
  const size_t lengths[] = {strlen(texts[0]), 0, strlen(longest)};
  float *rows = need(n * width * 4), *same = need(n * width * 4);
  int32_t cut[3], *ids = need(n * length * 4);
  size_t counts[3];
  CHECK(clippack_embed_texts(model, texts, NULL, n, rows, cut) == CLIPPACK_OK);
  CHECK(!cut[0] && !cut[1] && cut[2]);
  CHECK(clippack_embed_texts(model, texts, lengths, n, same, NULL) == CLIPPACK_OK);
  CHECK(memcmp(rows, same, n * width * 4) == 0);
  CHECK(clippack_tokenize(model, texts, lengths, n, ids, counts, cut) == CLIPPACK_OK);
  CHECK(counts[1] < counts[0] && counts[2] == length && cut[2] && !cut[0]);
  CHECK(clippack_embed_ids(model, ids, counts, n, same) == CLIPPACK_OK);
  CHECK(memcmp(rows, same, n * width * 4) == 0);
  print("text", rows, width);
  printf("ids");
  for (size_t i = 0; i < counts[0]; ++i) printf(" %d", ids[i]);
  printf("\n");
  free(rows), free(same), free(ids);
}

static void pictures(const clippack_model *model, const clippack_info *info, const char *path,
                     const char *broken) {
  const size_t n = 20, width = info->width;
  const size_t pixels = 3 * info->image_height * info->image_width;
  const char *paths[20];
  const void *files[20];
  size_t sizes[20], size, broken_size;
  unsigned char *bytes = contents(path, &size), *bad = contents(broken, &broken_size);
  for (size_t i = 0; i < n; ++i) {
    paths[i] = i == 3 ? broken : path;
    files[i] = i == 3 ? bad : bytes;
    sizes[i] = i == 3 ? broken_size : size;
  }
  float *rows = need(n * width * 4), *same = need(n * width * 4), *input = need(n * pixels * 4);
  int32_t status[20];
  CHECK(clippack_embed_files(model, paths, n, rows, status) == CLIPPACK_OK);
  for (size_t i = 0; i < n; ++i) {
    CHECK(status[i] == (i == 3 ? CLIPPACK_REFUSED : CLIPPACK_OK));
    CHECK((clippack_item_error(i)[0] != 0) == (i == 3));
    CHECK(i == 3 ? isnan(rows[i * width]) : !memcmp(rows, rows + i * width, width * 4));
  }
  printf("broken file: %s\n", clippack_item_error(3));
  CHECK(clippack_embed_encoded(model, files, sizes, n, same, status) == CLIPPACK_OK);
  printf("broken bytes: %s\n", clippack_item_error(3));
  CHECK(!memcmp(rows, same, 3 * width * 4) &&
      !memcmp(rows + 4 * width, same + 4 * width, 16 * width * 4));
  CHECK(clippack_embed_files(model, paths, n, same, NULL) == CLIPPACK_REFUSED);
  printf("no status: %s\n", clippack_last_error());
  CHECK(clippack_preprocess_files(model, paths, 2, input, NULL) == CLIPPACK_OK);
  CHECK(clippack_embed_pixels(model, input, 2, same) == CLIPPACK_OK);
  CHECK(!memcmp(rows, same, 2 * width * 4));
  float *other = need(2 * pixels * 4);
  CHECK(clippack_preprocess_encoded(model, files, sizes, 2, other, status) == CLIPPACK_OK);
  CHECK(!memcmp(input, other, 2 * pixels * 4));
  print("picture", rows, width);
  free(rows), free(same), free(input), free(other), free(bytes), free(bad);
}

/* Rows that lie apart are those that lie together. */
static void levels(const clippack_model *model, const clippack_info *info) {
  enum { width = 70, height = 50, stride = 256 };
  static uint8_t dense[height * 3 * width], apart[height * stride];
  for (size_t y = 0; y < height; ++y)
    for (size_t x = 0; x < 3 * width; ++x)
      apart[y * stride + x] = dense[y * 3 * width + x] = (uint8_t)(x * 7 + y * y);
  const clippack_rgb both[] = {{dense, width, height, 0}, {apart, width, height, stride}};
  const size_t pixels = 3 * info->image_height * info->image_width;
  float *rows = need(2 * info->width * 4), *same = need(2 * info->width * 4);
  float *input = need(2 * pixels * 4);
  CHECK(clippack_embed_rgb(model, both, 2, rows, NULL) == CLIPPACK_OK);
  CHECK(!memcmp(rows, rows + info->width, info->width * 4));
  CHECK(clippack_preprocess_rgb(model, both, 2, input, NULL) == CLIPPACK_OK);
  CHECK(clippack_embed_pixels(model, input, 2, same) == CLIPPACK_OK);
  CHECK(!memcmp(rows, same, 2 * info->width * 4));
  const char *labels[] = {"a red circle", "a blue square"};
  float shares[4], cosines[4], text[4096];
  CHECK(clippack_classify(model, rows, 2, labels, 2, "a photo of {}", shares, cosines) == 0);
  CHECK(fabsf(shares[0] + shares[1] - 1) < 1e-6f && shares[0] == shares[2]);
  CHECK(info->width <= COUNT(text));
  const char *first[] = {"a photo of a red circle"};
  CHECK(clippack_embed_texts(model, first, NULL, 1, text, NULL) == CLIPPACK_OK);
  double sum = 0;
  for (size_t i = 0; i < info->width; ++i) sum += (double)rows[i] * (double)text[i];
  CHECK(cosines[0] == (float)sum);
  free(rows), free(same), free(input);
}

int main(int count, char **arguments) {
  CHECK(count == 4 && clippack_abi_version() == CLIPPACK_ABI_VERSION);
  clippack_info info;
  clippack_model *model = opened(arguments[1], &info);
  printf("digest %s\nspace %s\ncompute %s\n", info.digest, info.space, info.compute);
  texts(model, &info);
  pictures(model, &info, arguments[2], arguments[3]);
  levels(model, &info);
  clippack_close(model);
  return 0;
}
