/* The document and its tensors: `network.md`, sections 2 and 4, in the order of section 4 but for
   checks of which each needs the one before. */
#pragma once
#include "check.h"

/* Words of a tower, and how many steps it has when it is expanded. */
static inline void cr_read_tower(cr_tower *tower, const json *value, int code) {
  tower->code = code, tower->padding = ABSENT;
  cr_members(value, "input steps output", "");
  const json *input = json_member(value, "input"), *steps = json_member(value, "steps");
  if (code == 1) {
    cr_members(input, "pixels", "");
    const json *pixels = json_member(input, "pixels");
    cr_need(pixels->kind == JSON_ARRAY && pixels->count == 3, "pixels are three whole numbers");
    const json *one = pixels->first;
    for (int i = 0; i < 3; ++i, one = one->next)
      tower->pixels[i] = cr_whole(one, 1, i ? 16384 : 64);
  } else {
    cr_members(input, "ids", "");
    const json *ids = json_member(input, "ids");
    if (ids->kind == JSON_OBJECT && json_member(ids, "exactly")) {
      cr_members(ids, "exactly padding", "");
      tower->least = tower->most = cr_attribute(ids, "exactly", 1, 65536, 0);
      tower->padding = cr_attribute(ids, "padding", 0, INT32_MAX, 0);
    } else {
      cr_members(ids, "least most", "");
      tower->least = cr_attribute(ids, "least", 1, 65536, 0),
      tower->most = cr_attribute(ids, "most", 1, 65536, 0);
      cr_need(tower->least <= tower->most, "least is more than most");
    }
  }
  cr_name(json_member(value, "output"));
  cr_need(steps->kind == JSON_ARRAY && steps->count, "steps are an array that is not empty");
  int64_t total = 0;
  for (const json *item = steps->first; item; item = item->next) {
    const json *repeat = item->kind == JSON_OBJECT ? json_member(item, "repeat") : NULL;
    if (!repeat) {
      cr_read_step(item, 0), ++total;
      continue;
    }
    cr_members(item, "repeat prefix from to steps", "first");
    int64_t rounds = cr_whole(repeat, 1, 1024), marks = 0;
    cr_attribute(item, "first", 0, 1024, 0);
    cr_text prefix = cr_string(json_member(item, "prefix"));
    for (size_t i = 0; i < prefix.length; ++i) marks += prefix.text[i] == '#';
    cr_need(marks == 1, "a prefix has # once");
    cr_name(json_member(item, "from")), cr_name(json_member(item, "to"));
    const json *body = json_member(item, "steps");
    cr_need(body->kind == JSON_ARRAY && body->count >= 1 && body->count <= 1024,
            "a round has 1 to 1024 steps");
    for (const json *step = body->first; step; step = step->next) {
      cr_need(step->kind == JSON_OBJECT && !json_member(step, "repeat"), "a repeat is in a repeat");
      cr_read_step(step, 1);
    }
    total += rounds * (int64_t)body->count;
  }
  cr_need(total <= 16384, "more than 16384 steps");
  tower->steps = reserve((uint64_t)total, sizeof *tower->steps);
  tower->values = reserve((uint64_t)total + 1, sizeof *tower->values);
}

static inline void cr_expand(cr_tower *tower, const json *value) {
  cr_builder b = {.tower = tower};
  b.stages = reserve(16384, sizeof *b.stages);
  cr_shape first = {.kind = IDS, .has_length = 1};
  if (tower->code == 1)
    first = (cr_shape){.kind = ROWS,
                       .n = tower->pixels[1] * tower->pixels[2],
                       .width = tower->pixels[0],
                       .grid = {tower->pixels[1], tower->pixels[2]}};
  cr_check_extent(tower, &first);
  tower->values[tower->value_count++] = first;
  cr_know(&b, tower->code == 1 ? (cr_text){"pixels", 6} : (cr_text){"ids", 3}, 0);
  for (const json *item = json_member(value, "steps")->first; item; item = item->next)
    if (json_member(item, "repeat"))
      cr_add_repeat(&b, item);
    else
      cr_add_step(&b, item, -1, (cr_text){0});
  tower->output = cr_find(&b, cr_name(json_member(value, "output")), 0);
  release(b.names), release(b.stages);
}

/* The tensor of a name, used once; `widened` are the numbers of all items, those of the others
 * NULL. */
static inline const float *cr_tensor(cr_text name, int tower, int rank, const int64_t *extents,
                                     char *used, float *const *widened) {
  cr_need(name.length >= 1 && name.length <= 1024, "a tensor's name has 1 to 1024 bytes");
  for (int i = 0; i < item_count; ++i) {
    const Item *item = &items[i];
    if (item->length != name.length || memcmp(item->name, name.text, name.length)) continue;
    cr_need(item->kind == 2 && item->flags == 1 && item->tower == tower,
            "a tensor is no part of this tower");
    cr_need(item->type == F16 || item->type == BF16 || item->type == F32,
            "a tensor has another element type");
    cr_need(item->codec <= 1, "a tensor has an unknown codec: a newer reader is needed");
    int fits = item->rank == rank;
    for (int j = 0; j < rank && fits; ++j) fits = item->extents[j] == (uint64_t)extents[j];
    /* Of scores, [] or [1]. */
    fits |= tower == 0 && item->rank == 1 && item->extents[0] == 1;
    cr_need(fits, "a tensor has other extents");
    cr_need(!used[i]++, "a tensor is used twice");
    return widened[i];
  }
  cr_refuse("network: a tensor is not in the pack");
}

static inline void cr_check_use(const cr_tower *tower) {
  char *read = reserve((uint64_t)tower->value_count, 1);
  cr_need(tower->output >= 0, "the output is not known");
  read[tower->output] = 1;
  for (int i = 0; i < tower->step_count; ++i) {
    const cr_step *s = &tower->steps[i];
    for (int j = 0; j < s->count; ++j) read[s->inputs[j]] = 1;
    if (s->add >= 0) read[s->add] = 1;
  }
  for (int i = 0; i < tower->value_count; ++i) cr_need(read[i], "a value is not read");
  const cr_shape *output = &tower->values[tower->output];
  cr_need(output->kind == ROWS && output->n == 1 && !output->has_length,
          "the output is not one row");
  release(read);
}

/* Where each value is read last; the output nowhere. */
static inline int *cr_last_uses(const cr_tower *tower) {
  int *last = reserve((uint64_t)tower->value_count, sizeof *last);
  for (int i = 0; i < tower->value_count; ++i) last[i] = -1;
  for (int i = 0; i < tower->step_count; ++i) {
    const cr_step *s = &tower->steps[i];
    for (int j = 0; j < s->count; ++j) last[s->inputs[j]] = i;
    if (s->add >= 0) last[s->add] = i;
  }
  last[tower->output] = tower->step_count;
  return last;
}

static inline void cr_check_cost(const cr_tower *tower) {
  int *last = cr_last_uses(tower);
  int64_t length = tower->most, alive = cr_floats(&tower->values[0], length), work = 0;
  for (int i = 0; i < tower->step_count; ++i) {
    const cr_step *s = &tower->steps[i];
    int64_t floats = cr_floats(&tower->values[s->result], length);
    alive += floats;
    cr_need(alive <= 1 << 28, "more than 268435456 floats are alive");
    for (int j = 0; j <= s->count; ++j) {
      int value = j < s->count ? s->inputs[j] : s->add, again = 0;
      for (int k = 0; k < j; ++k) again |= s->inputs[k] == value;
      if (value >= 0 && !again && last[value] == i)
        alive -= cr_floats(&tower->values[value], length);
    }
    const cr_shape *x = s->count ? &tower->values[s->inputs[0]] : NULL;
    /* Each factor is below 2^27, so no product of two floats and widths overflows. */
    if (s->op == LINEAR) floats *= x->width;
    if (s->op == CONV2D) floats *= s->extents[WEIGHT][1] * s->kernel[0] * s->kernel[1];
    if (s->op == ATTENTION) floats *= 2 * cr_at(&tower->values[s->inputs[1]], length);
    work += floats;
    cr_need(work <= (int64_t)1 << 44, "more than 2^44 multiply-adds");
  }
  release(last);
}

/* The network of the pack that was read; `widened` has the numbers of its tensors. */
static inline void cr_read_network(cr_network *network, const char *text, size_t size,
                                   float *const *widened, const float **scores) {
  cr_need(size <= 1 << 20, "more than 1048576 bytes");
  cr_need(is_utf8((const uint8_t *)text, size), "not UTF-8");
  json_reader reader = {text, text + size, 0};
  const json *document = json_value(&reader), *parts[2];
  json_skip(&reader), json_need(reader.at == reader.end);
  cr_members(document, "", "image text scores");
  parts[0] = json_member(document, "image"), parts[1] = json_member(document, "text");
  const json *given = json_member(document, "scores");
  cr_need(parts[0] || parts[1], "image or text is needed");
  cr_need(!given == !(parts[0] && parts[1]), "scores come with both towers");
  for (int i = 0; i < 2; ++i)
    if (parts[i]) cr_read_tower(&network->towers[i], parts[i], i + 1);
  if (given) {
    cr_members(given, "rule scale", "bias");
    const json *rule = json_member(given, "rule"), *bias = json_member(given, "bias");
    network->has_scores = 1, network->is_sigmoid = json_is(rule, "sigmoid");
    cr_need(network->is_sigmoid || json_is(rule, "softmax"),
            "a rule is unknown: a newer reader is needed");
    network->scale = cr_string(json_member(given, "scale"));
    if (bias) network->bias = cr_string(bias);
  }
  for (int i = 0; i < 2; ++i)
    if (parts[i]) cr_expand(&network->towers[i], parts[i]);
  char *used = reserve((uint64_t)item_count, 1);
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < network->towers[i].step_count; ++j) {
      cr_step *s = &network->towers[i].steps[j];
      for (int k = 0; k < TENSORS; ++k)
        if (s->tensors[k].text)
          s->weights[k] =
              cr_tensor(s->tensors[k], i + 1, s->ranks[k], s->extents[k], used, widened);
    }
  if (network->has_scores) scores[0] = cr_tensor(network->scale, 0, 0, NULL, used, widened);
  if (network->bias.text) scores[1] = cr_tensor(network->bias, 0, 0, NULL, used, widened);
  for (int i = 0; i < item_count; ++i)
    cr_need(items[i].kind != 2 || !items[i].flags || used[i], "a tensor is used by no step");
  for (int i = 0; i < 2; ++i)
    if (parts[i]) cr_check_use(&network->towers[i]);
  for (int i = 0; i < 2; ++i)
    if (parts[i]) cr_check_cost(&network->towers[i]);
  const cr_tower *t = network->towers;
  cr_need(
      !parts[0] || !parts[1] || t[0].values[t[0].output].width == t[1].values[t[1].output].width,
      "the towers have embeddings of different widths");
}
