/* What `network.md`, section 4, has a reader refuse before it computes anything. */
#pragma once
#include "network.h"

typedef struct {
  cr_text name;
  int value;
} cr_known;

typedef struct {
  cr_tower *tower;
  cr_known *names; /* the input and what is known outside of repeats, then what is local */
  cr_text *stages;
  int name_count, stage_count, room;
} cr_builder;

static inline int cr_equal(cr_text a, cr_text b) {
  return a.length == b.length && !memcmp(a.text, b.text, a.length);
}

static inline int64_t cr_at(const cr_shape *shape, int64_t length) {
  return shape->n + (shape->has_length ? length : 0);
}

static inline int64_t cr_floats(const cr_shape *shape, int64_t length) {
  return cr_at(shape, length) * (shape->kind == ROWS ? shape->width : 1);
}

static inline int cr_same_rows(const cr_shape *a, const cr_shape *b) {
  return a->n == b->n && a->has_length == b->has_length;
}

static inline int cr_same(const cr_shape *a, const cr_shape *b) {
  return a->kind == b->kind && cr_same_rows(a, b) && a->width == b->width &&
         a->grid[0] == b->grid[0] && a->grid[1] == b->grid[1];
}

static inline void cr_check_extent(const cr_tower *tower, const cr_shape *shape) {
  cr_need(cr_at(shape, tower->most) <= 1 << 20, "more than 1048576 rows");
  cr_need(shape->width <= 1 << 20, "more than 1048576 columns");
  cr_need(shape->grid[0] <= 16384 && shape->grid[1] <= 16384,
          "a map with an edge of more than 16384");
  cr_need(cr_floats(shape, tower->most) <= 1 << 26, "a value of more than 67108864 floats");
}

static inline void cr_extents(cr_step *s, int tensor, int rank, int64_t a, int64_t b, int64_t c,
                              int64_t d) {
  s->ranks[tensor] = rank;
  s->extents[tensor][0] = a, s->extents[tensor][1] = b, s->extents[tensor][2] = c,
  s->extents[tensor][3] = d;
}

/* The shape that a step makes; fills the extents of its tensors. */
static inline cr_shape cr_infer(const cr_tower *tower, cr_step *s, const cr_shape *const *in) {
  static const char kinds[OPERATIONS][6] = {"",  "i", "i", "rm", "rrrrr", "g",    "g",  "r", "r",
                                            "r", "r", "",  "rr", "rrr",   "rrrm", "rm", "ri"};
  const cr_shape *x = s->count ? in[0] : NULL;
  for (int i = 0; i < s->count; ++i) {
    char kind = s->op == CONCAT || s->op == ADD ? 'r' : kinds[s->op][i];
    cr_need(kind == 'i'   ? in[i]->kind == IDS
            : kind == 'm' ? in[i]->kind == MASKS
                          : in[i]->kind == ROWS,
            "an input is of another kind");
    cr_need(kind != 'g' || in[i]->grid[0], "an input has no grid");
  }
  cr_shape result = x ? *x : (cr_shape){.kind = ROWS};
  int64_t most = x ? cr_at(x, tower->most) : 0, least = x ? cr_at(x, tower->least) : 0;
  if (x && x->kind == ROWS)
    for (int i = 0; i < TENSORS; ++i) cr_extents(s, i, 1, x->width, 0, 0, 0);
  switch (s->op) {
  case PARAMETER:
    result.n = s->rows, result.width = s->width;
    if (s->has_rows)
      cr_extents(s, WEIGHT, 2, s->rows, s->width, 0, 0);
    else
      cr_extents(s, WEIGHT, 1, s->width, 0, 0, 0);
    break;
  case LOOKUP:
    cr_need(tower->padding < s->rows, "the table has no row for the padding");
    result.kind = ROWS, result.width = s->width;
    cr_extents(s, WEIGHT, 2, s->rows, s->width, 0, 0);
    break;
  case MASK: result.kind = MASKS, result.n += s->before + s->after; break;
  case POSITION:
    cr_need(s->row != ABSENT ? s->row < s->rows : s->start + most <= s->rows,
            "the table has too few rows");
    cr_need(s->count == 1 || cr_same_rows(in[1], x), "the mask has another number of elements");
    cr_extents(s, WEIGHT, 2, s->rows, x->width, 0, 0);
    break;
  case CONCAT:
    result.n = 0, result.has_length = 0, result.grid[0] = result.grid[1] = 0;
    for (int i = 0; i < s->count; ++i) {
      cr_need(in[i]->width == x->width, "widths differ");
      cr_need(!(result.has_length && in[i]->has_length), "two inputs have L rows");
      result.n += in[i]->n, result.has_length |= in[i]->has_length;
    }
    break;
  case CONV2D:
  case AVERAGE_POOL:
    for (int i = 0; i < 2; ++i) {
      int64_t padded = x->grid[i] + 2 * s->padding[i];
      cr_need(s->kernel[i] <= padded, "the kernel is larger than the map");
      result.grid[i] = (padded - s->kernel[i]) / s->stride[i] + 1;
    }
    result.n = result.grid[0] * result.grid[1];
    if (s->op == AVERAGE_POOL) break;
    cr_need(x->width % s->groups == 0 && s->width % s->groups == 0,
            "groups do not divide the widths");
    result.width = s->width;
    cr_extents(s, WEIGHT, 4, s->width, x->width / s->groups, s->kernel[0], s->kernel[1]);
    cr_extents(s, BIAS, 1, s->width, 0, 0, 0);
    break;
  case LINEAR:
    result.width = s->width;
    cr_extents(s, WEIGHT, 2, s->width, x->width, 0, 0), cr_extents(s, BIAS, 1, s->width, 0, 0, 0);
    break;
  case ADD:
    for (int i = 1; i < s->count; ++i) cr_need(cr_same(in[i], x), "inputs of one shape are needed");
    break;
  case MULTIPLY:
    cr_need(cr_same(in[1], x) || (in[1]->n == 1 && !in[1]->has_length && in[1]->width == x->width),
            "inputs of one shape, or one row, are needed");
    break;
  case ROTATE:
    cr_need(x->width % (2 * s->heads) == 0, "heads do not divide the width into pairs");
    cr_need(s->skip < least, "skip is too large");
    for (int i = 1; i < 3; ++i)
      cr_need(in[i]->width == x->width / (2 * s->heads) && cr_same_rows(in[i], in[1]) &&
                  !in[i]->has_length && in[i]->n >= most - s->skip,
              "c and s do not fit");
    break;
  case ATTENTION:
    cr_need(in[1]->width == x->width && in[2]->width == x->width, "widths of q, k and v differ");
    cr_need(cr_same_rows(in[1], in[2]), "k and v have different numbers of rows");
    cr_need(x->width % s->heads == 0, "heads do not divide the width");
    cr_need(s->count == 3 || cr_same_rows(in[3], in[1]), "the mask has another number of elements");
    cr_need(!s->causal || cr_same_rows(in[1], x), "causal needs as many keys as queries");
    cr_need(most * cr_at(in[1], tower->most) <= 1 << 26,
            "more than 67108864 pairs of queries and keys");
    break;
  case MEAN:
    cr_need(s->skip < least, "skip is too large");
    cr_need(s->count == 1 || cr_same_rows(in[1], x), "the mask has another number of elements");
    break;
  case PICK:
    cr_need(s->row < least, "row is too large");
    cr_need(s->token == ABSENT || cr_same_rows(in[1], x), "token needs a row for each id");
    break;
  default: break;
  }
  if (s->op == MEAN || s->op == PICK)
    result.n = 1, result.has_length = 0, result.grid[0] = result.grid[1] = 0;
  cr_check_extent(tower, &result);
  return result;
}

/* The last one counts: a round's input hides a value of its name. */
static inline int cr_find(const cr_builder *b, cr_text name, int from) {
  for (int i = b->name_count; i-- > from;)
    if (cr_equal(b->names[i].name, name)) return b->names[i].value;
  return -1;
}

static inline void cr_know(cr_builder *b, cr_text name, int value) {
  if (b->name_count == b->room) {
    cr_known *more = reserve((uint64_t)b->room * 2 + 64, sizeof *more);
    if (b->room) memcpy(more, b->names, (size_t)b->room * sizeof *more);
    release(b->names), b->names = more, b->room = b->room * 2 + 64;
  }
  b->names[b->name_count++] = (cr_known){name, value};
}

/* Text with # replaced by a number. */
static inline cr_text cr_numbered(cr_text text, int64_t number, cr_text rest) {
  char *full = reserve(text.length + rest.length + 24, 1), *out = full;
  for (size_t i = 0; i < text.length; ++i)
    if (text.text[i] == '#' && number >= 0)
      out += sprintf(out, "%lld", (long long)number);
    else
      *out++ = text.text[i];
  if (rest.length) memcpy(out, rest.text, rest.length), out += rest.length;
  return (cr_text){full, (size_t)(out - full)};
}

static inline int cr_add_step(cr_builder *b, const json *value, int64_t round, cr_text prefix) {
  cr_tower *tower = b->tower;
  cr_step *s = &tower->steps[tower->step_count];
  *s = cr_read_step(value, round >= 0);
  const cr_shape *in[8] = {0};
  const json *from = json_member(value, "from"),
             *one = from && from->kind == JSON_ARRAY ? from->first : from;
  for (int i = 0; i < s->count; ++i, one = one->next) {
    s->inputs[i] = cr_find(b, cr_name(one), 0);
    cr_need(s->inputs[i] >= 0, "a value is not known");
    in[i] = &tower->values[s->inputs[i]];
  }
  cr_shape shape = cr_infer(tower, s, in);
  const json *add = json_member(value, "add"), *stage = json_member(value, "stage");
  if (add) {
    s->add = cr_find(b, cr_name(add), 0);
    cr_need(s->add >= 0 && cr_same(&tower->values[s->add], &shape),
            "what is added has another shape");
  }
  if (stage) {
    cr_text name = cr_numbered(cr_string(stage), round, (cr_text){0});
    cr_need(name.length <= 64, "a stage is too long with its number");
    for (int i = 0; i < b->stage_count; ++i)
      cr_need(!cr_equal(b->stages[i], name), "a stage is there twice");
    b->stages[b->stage_count++] = name;
  }
  for (int i = 0; i < TENSORS; ++i)
    if (s->tensors[i].text && round >= 0) {
      cr_need(prefix.length + s->tensors[i].length <= 1024,
              "a tensor's name is longer than 1024 bytes");
      s->tensors[i] = cr_numbered(prefix, round, s->tensors[i]);
    }
  cr_text to = cr_name(json_member(value, "to"));
  cr_need(cr_find(b, to, 0) < 0, "a value is known already");
  s->result = tower->value_count;
  tower->values[tower->value_count++] = shape, ++tower->step_count;
  cr_know(b, to, s->result);
  return s->result;
}

static inline void cr_add_repeat(cr_builder *b, const json *item) {
  cr_tower *tower = b->tower;
  int64_t first = cr_attribute(item, "first", 0, 1024, 0),
          rounds = json_member(item, "repeat")->whole;
  cr_text from = cr_name(json_member(item, "from")), to = cr_name(json_member(item, "to"));
  cr_text prefix = cr_string(json_member(item, "prefix"));
  int current = cr_find(b, from, 0), outside = b->name_count;
  cr_need(current >= 0 && tower->values[current].kind == ROWS,
          "a repeat reads rows that are known");
  for (int64_t round = first; round < first + rounds; ++round) {
    int input = current;
    cr_know(b, from, current);
    for (const json *step = json_member(item, "steps")->first; step; step = step->next)
      current = cr_add_step(b, step, round, prefix);
    cr_need(cr_same(&tower->values[current], &tower->values[input]),
            "a round makes another shape than it reads");
    b->name_count = outside;
  }
  cr_need(cr_find(b, to, 0) < 0, "a value is known already");
  cr_know(b, to, current);
}
