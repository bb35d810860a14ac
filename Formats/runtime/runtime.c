#include "runtime.h"

#include "arena.h"

#define REQUIRE(condition, rule, what)                                  \
  do {                                                                  \
    if (!(condition)) cr_refuse("8.%d of clippack.md: %s", rule, what); \
  } while (0)
#define STATE static _Thread_local
#include "../pack.h"
#include "pixels.h"
#include "steps.h"

struct cr_model {
  cr_arena arena;
  cr_network network;
  cr_rule rule;
  float factor, bias;
  int *last[2];
};

/* Reads, checks and widens; whatever is refused leaves from within. */
static void open_pack(cr_model *model, const uint8_t *file, size_t size) {
  read_pack(file, size);
  float **widened = reserve((uint64_t)item_count, sizeof *widened);
  const Item *network = NULL, *rule = NULL;
  for (int i = 0; i < item_count; ++i) {
    Item *item = &items[i];
    int floats = item->type == F16 || item->type == BF16 || item->type == F32;
    if (item->kind == 1 && item->length == 7 && !memcmp(item->name, "network", 7)) network = item;
    if (item->kind == 1 && item->length == 13 && !memcmp(item->name, "preprocessing", 13))
      rule = item;
    if (item->kind != 2 || !item->flags || item->codec > 1 || !floats) continue;
    uint64_t bytes;
    if (item->codec == 0 && item->stream->type != F32) {
      /* In its own type, or stored more narrowly: `elements` widens what is narrower. */
      int type = item->type;
      item->type = F32, widened[i] = (float *)elements(item, &bytes), item->type = type;
    } else {
      widened[i] = (float *)elements(item, &bytes);
    }
    for (int j = 0; j < item->streams; ++j)
      release(item->stream[j].bytes), item->stream[j].bytes = NULL;
  }
  cr_need(network != NULL, "there is no section network");
  const float *scores[2] = {NULL, NULL};
  cr_read_network(&model->network, (const char *)network->stream->bytes, network->stream->size,
                  widened, scores);
  if (rule && model->network.towers[0].code)
    model->rule = cr_read_rule((const char *)rule->stream->bytes, rule->stream->size);
  if (scores[0]) {
    model->factor = (float)exp((double)scores[0][0]), model->bias = scores[1] ? scores[1][0] : 0;
    cr_need(model->factor - model->factor == 0 && model->bias - model->bias == 0,
            "scores are not finite");
  }
  for (int i = 0; i < 2; ++i)
    if (model->network.towers[i].code) model->last[i] = cr_last_uses(&model->network.towers[i]);
}

static void tell(const cr_arena *arena, char *error, size_t size) {
  if (error && size) snprintf(error, size, "%s", arena->message);
}

cr_model *cr_open(const void *file, size_t size, char *error, size_t error_size) {
  cr_model *volatile model = calloc(1, sizeof *model); /* the same behind a jump */
  if (!model) return NULL;
  cr_begin(&model->arena), cr_current = &model->arena;
  items = NULL, item_count = 0, block_size = 0;
  if (setjmp(model->arena.refused)) {
    tell(&model->arena, error, error_size);
    cr_close(model);
    return NULL;
  }
  open_pack(model, file, size);
  return model;
}

void cr_close(cr_model *model) {
  if (!model) return;
  cr_end(&model->arena);
  free(model);
}

static const cr_tower *any_tower(const cr_model *model) {
  return &model->network.towers[model->network.towers[0].code ? 0 : 1];
}

size_t cr_width(const cr_model *model) {
  const cr_tower *tower = any_tower(model);
  return (size_t)tower->values[tower->output].width;
}

void cr_pixels(const cr_model *model, size_t shape[3]) {
  for (int i = 0; i < 3; ++i) shape[i] = (size_t)model->network.towers[0].pixels[i];
}

size_t cr_text_length(const cr_model *model) { return (size_t)model->network.towers[1].most; }

int cr_scores(const cr_model *model, float *factor, float *bias) {
  if (!model->network.has_scores) return -1;
  *factor = model->factor, *bias = model->bias;
  return model->network.is_sigmoid;
}

/* Runs a tower on its input, which this releases. */
static void run_tower(cr_model *model, int number, cr_value input, int64_t length,
                      float *embedding) {
  const cr_tower *tower = &model->network.towers[number];
  cr_value *values = reserve((uint64_t)tower->value_count, sizeof *values);
  values[0] = input;
  for (int i = 0; i < tower->step_count; ++i) {
    const cr_step *s = &tower->steps[i];
    const cr_shape *shape = &tower->values[s->result];
    cr_value in[8], *out = &values[s->result];
    for (int j = 0; j < s->count; ++j) in[j] = values[s->inputs[j]];
    out->rows = cr_at(shape, length);
    if (shape->kind == ROWS)
      out->floats = reserve((uint64_t)cr_floats(shape, length), sizeof(float));
    else
      out->ids = reserve((uint64_t)out->rows, sizeof(int32_t));
    cr_run_step(tower, s, in, s->add >= 0 ? &values[s->add] : NULL, out);
    for (int j = 0; j <= s->count; ++j) {
      int value = j < s->count ? s->inputs[j] : s->add;
      if (value < 0 || model->last[number][value] != i) continue;
      release(values[value].floats), release(values[value].ids);
      values[value].floats = NULL, values[value].ids = NULL;
    }
  }
  const float *row = values[tower->output].floats;
  int64_t width = tower->values[tower->output].width;
  double squares = 0;
  for (int64_t i = 0; i < width; ++i) squares += (double)row[i] * (double)row[i];
  if (!(squares > 0 && squares - squares == 0))
    cr_refuse("the embedding is zero, or has an element that is not finite");
  for (int64_t i = 0; i < width; ++i) embedding[i] = (float)((double)row[i] / sqrt(squares));
}

/* Each run has memory of its own, which goes with it. */
static int run(cr_model *model, int number, const float *pixels, const int32_t *ids, size_t count,
               float *embedding, char *error, size_t error_size) {
  const cr_tower *tower = &model->network.towers[number];
  cr_arena arena;
  cr_begin(&arena), cr_current = &arena;
  if (setjmp(arena.refused)) {
    tell(&arena, error, error_size);
    cr_end(&arena);
    return -1;
  }
  if (!tower->code) cr_refuse("the pack has no such tower");
  cr_value input = {0};
  int64_t length = (int64_t)count;
  if (number == 0) {
    input.rows = tower->pixels[1] * tower->pixels[2];
    input.floats = reserve((uint64_t)(input.rows * tower->pixels[0]), sizeof(float));
    for (int64_t i = 0; i < input.rows; ++i)
      for (int64_t c = 0; c < tower->pixels[0]; ++c)
        input.floats[i * tower->pixels[0] + c] = pixels[c * input.rows + i];
  } else {
    int64_t least = tower->padding == ABSENT ? tower->least : 0;
    if (count > (size_t)tower->most || length < least)
      cr_refuse("text: %zu ids, %lld to %lld are allowed", count, (long long)least,
                (long long)tower->most);
    if (tower->padding != ABSENT) length = tower->most;
    input.rows = length, input.ids = reserve((uint64_t)length, sizeof(int32_t));
    for (int64_t i = 0; i < length; ++i)
      input.ids[i] = i < (int64_t)count ? ids[i] : (int32_t)tower->padding;
    for (int i = 0; i < tower->step_count; ++i)
      for (int64_t t = 0; tower->steps[i].op == LOOKUP && t < length; ++t)
        if (input.ids[t] < 0 || input.ids[t] >= tower->steps[i].rows)
          cr_refuse("text: id %d, the table has %lld rows", (int)input.ids[t],
                    (long long)tower->steps[i].rows);
  }
  run_tower(model, number, input, length, embedding);
  cr_end(&arena);
  return 0;
}

int cr_embed_pixels(cr_model *model, const float *pixels, float *embedding, char *error,
                    size_t size) {
  return run(model, 0, pixels, NULL, 0, embedding, error, size);
}

int cr_embed_ids(cr_model *model, const int32_t *ids, size_t count, float *embedding, char *error,
                 size_t size) {
  return run(model, 1, NULL, ids, count, embedding, error, size);
}

int cr_prepare_rgb(cr_model *model, const uint8_t *levels, size_t width, size_t height,
                   size_t stride, float *pixels, char *error, size_t size) {
  cr_arena arena;
  cr_begin(&arena), cr_current = &arena;
  if (setjmp(arena.refused)) {
    tell(&arena, error, size);
    cr_end(&arena);
    return -1;
  }
  if (!model->rule.is_there) cr_refuse("the pack has no preprocessing");
  if (!width || !height || width > 1000000 || height > 1000000 || width > 178956970 / height ||
      stride < 3 * width)
    cr_refuse("picture: %zu x %zu pixels, rows %zu bytes apart, cannot be", width, height, stride);
  cr_prepare(&model->rule, levels, (int64_t)width, (int64_t)height, stride, pixels,
             model->network.towers[0].pixels);
  cr_end(&arena);
  return 0;
}
