/* errors PACK TEXTS IMAGES SOURCE: everything that a caller can get wrong; prints each status with
   its message. TEXTS and IMAGES are packs of one tower, SOURCE is a checkpoint. */
#include "check.h"

static void say(const char *what, int status) {
  printf("%s: %d %s\n", what, status, clippack_last_error());
}

int main(int count, char **arguments) {
  CHECK(count == 5);
  const char *pack = arguments[1];
  clippack_model *model = (clippack_model *)1, *texts, *images;
  float rows[4096];
  int32_t ids[256] = {0}, status[1];
  size_t counts[1] = {99};
  clippack_info info;

  say("no model", clippack_open(pack, NULL, NULL));
  say("no path", clippack_open(NULL, NULL, &model));
  CHECK(!model);
  say("empty path", clippack_open("", NULL, &model));
  say("no file", clippack_open("none.clippack", NULL, &model));
  say("a folder", clippack_open("/", NULL, &model));
  write_file("text", "no pack", 7);
  say("no pack", clippack_open("text", NULL, &model));
  clippack_options options = {.size = 3};
  say("options", clippack_open(pack, &options, &model));
  options = (clippack_options){.size = sizeof options, .threads = 1025};
  say("threads", clippack_open(pack, &options, &model));
  options = (clippack_options){.size = sizeof options, .compute = "f64"};
  say("compute", clippack_open(pack, &options, &model));
  options = (clippack_options){.size = sizeof options, .threads = 1, .compute = "f32"};
  CHECK(clippack_open(pack, &options, &model) == CLIPPACK_OK);
  CHECK(clippack_last_error()[0] == 0 && clippack_item_error(7)[0] == 0);

  info.size = 1;
  say("info", clippack_get_info(model, &info));
  say("no info", clippack_get_info(model, NULL));
  say("model NULL", clippack_get_info(NULL, &info));
  info.size = sizeof info;
  CHECK(clippack_get_info(model, &info) == CLIPPACK_OK && info.threads == 1);
  CHECK(strcmp(info.compute, "f32") == 0);

  const char *text[] = {"a"}, *bad[] = {"a\xff"}, *none[] = {NULL};
  say("no texts", clippack_embed_texts(model, NULL, NULL, 1, rows, NULL));
  say("text NULL", clippack_embed_texts(model, none, NULL, 1, rows, NULL));
  say("not UTF-8", clippack_embed_texts(model, bad, NULL, 1, rows, NULL));
  say("too many", clippack_embed_texts(model, text, NULL, SIZE_MAX, rows, NULL));
  counts[0] = SIZE_MAX;
  say("length", clippack_embed_texts(model, text, counts, 1, rows, NULL));
  say("no rows", clippack_embed_texts(model, text, NULL, 1, NULL, NULL));
  CHECK(clippack_embed_texts(model, NULL, NULL, 0, NULL, NULL) == CLIPPACK_OK);
  say("no ids", clippack_tokenize(model, text, NULL, 1, NULL, counts, NULL));
  say("no counts", clippack_tokenize(model, text, NULL, 1, ids, NULL, NULL));
  counts[0] = 99;
  say("id count", clippack_embed_ids(model, ids, counts, 1, rows));
  counts[0] = 1, ids[0] = -1;
  say("id", clippack_embed_ids(model, ids, counts, 1, rows));
  say("no paths", clippack_embed_files(model, NULL, 1, rows, NULL));
  say("file", clippack_embed_files(model, text, 1, rows, NULL));
  CHECK(clippack_embed_files(model, text, 1, rows, status) == CLIPPACK_OK);
  printf("item: %d %s\n", status[0], clippack_item_error(0));
  const void *bytes[] = {"x"};
  counts[0] = 1;
  say("no sizes", clippack_embed_encoded(model, bytes, NULL, 1, rows, NULL));
  say("bytes", clippack_embed_encoded(model, bytes, counts, 1, rows, NULL));
  clippack_rgb rgb = {(const uint8_t *)"abc", 1, 0, 0};
  say("no pixel", clippack_embed_rgb(model, &rgb, 1, rows, NULL));
  rgb = (clippack_rgb){(const uint8_t *)"abc", SIZE_MAX / 2, SIZE_MAX / 2, 0};
  say("huge", clippack_embed_rgb(model, &rgb, 1, rows, NULL));
  rgb = (clippack_rgb){(const uint8_t *)"abc", 1, 1, 2};
  say("stride", clippack_embed_rgb(model, &rgb, 1, rows, NULL));
  rgb = (clippack_rgb){NULL, 1, 1, 3};
  say("no levels", clippack_preprocess_rgb(model, &rgb, 1, rows, NULL));
  say("no pixels", clippack_embed_pixels(model, NULL, 1, rows));
  say("many pixels", clippack_embed_pixels(model, rows, SIZE_MAX / 8, rows));
  say("no {}", clippack_classify(model, rows, 1, text, 1, "a", rows, NULL));
  say("no labels", clippack_classify(model, rows, 1, NULL, 1, NULL, rows, NULL));
  clippack_close(model);

  CHECK(clippack_open(arguments[2], NULL, &texts) == CLIPPACK_OK);
  CHECK(clippack_open(arguments[3], NULL, &images) == CLIPPACK_OK);
  say("pixels of texts", clippack_embed_pixels(texts, rows, 1, rows));
  say("pictures of texts", clippack_preprocess_files(texts, text, 1, rows, NULL));
  say("texts of images", clippack_embed_texts(images, text, NULL, 1, rows, NULL));
  say("ids of images", clippack_embed_ids(images, ids, counts, 1, rows));
  say("classes of images", clippack_classify(images, rows, 1, text, 1, NULL, rows, NULL));
  clippack_close(texts), clippack_close(images), clippack_close(NULL), clippack_free(NULL);

  char *report;
  say("verify nothing", clippack_verify(NULL, NULL, &report));
  say("options no JSON", clippack_verify(pack, "{", &report));
  say("options no object", clippack_verify(pack, "[]", &report));
  say("option", clippack_verify(pack, "{\"x\":1}", &report));
  say("option's type", clippack_verify(pack, "{\"min_cosine\":\"1\"}", &report));
  say("cosine", clippack_verify(pack, "{\"min_cosine\":2}", &report));
  CHECK(!report);
  say("unreachable", clippack_verify(pack, "{\"min_cosine\":1}", &report));
  CHECK(report && strstr(report, "\"passed\":false"));
  clippack_free(report);
  const char *source = arguments[4];
  say("no source", clippack_convert("none", "x.clippack", NULL, NULL, NULL, NULL));
  say("no output", clippack_convert(source, NULL, NULL, NULL, NULL, NULL));
  say("to", clippack_convert(source, "x.clippack", "{\"to\":\"int4\"}", NULL, NULL, &report));
  say("two", clippack_convert(source, "x", "{\"to\":\"f16\",\"bits\":4}", NULL, NULL, NULL));
  say("bits", clippack_convert(source, "x", "{\"bits\":40}", NULL, NULL, NULL));
  say("folder", clippack_convert(source, "/none/x", NULL, NULL, NULL, NULL));
  return 0;
}
