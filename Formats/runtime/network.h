/* A network as steps with known shapes: what `network.md`, sections 1 to 3, says of one, read from
   JSON. What section 4 demands is in `check.h`. */
#pragma once
#include "json.h"

typedef enum {
  PARAMETER,
  LOOKUP,
  MASK,
  POSITION,
  CONCAT,
  CONV2D,
  AVERAGE_POOL,
  BATCH_NORM,
  LAYER_NORM,
  LINEAR,
  SCALE,
  ADD,
  MULTIPLY,
  ROTATE,
  ATTENTION,
  MEAN,
  PICK,
  OPERATIONS
} cr_op;
typedef enum {
  NONE,
  QUICK_GELU,
  GELU,
  GELU_TANH,
  RELU,
  SILU,
  SIGMOID,
  TANH,
  ACTIVATIONS
} cr_activation;
typedef enum { IDS, ROWS, MASKS } cr_kind;
enum { WEIGHT, BIAS, MEANS, VARIANCE, TENSORS };
enum { LAST = -1, LARGEST = -1, ABSENT = -2 }; /* of `row` and `token` */

/* T is n, or n + L. */
typedef struct {
  cr_kind kind;
  int64_t n;
  int has_length;
  int64_t width, grid[2];
} cr_shape;

typedef struct {
  const char *text;
  size_t length;
} cr_text;

typedef struct {
  cr_op op;
  cr_activation activation;
  int count, inputs[8], result, add;
  int64_t rows, width, heads, skip, row, token, hidden, before, after, start, groups;
  int64_t kernel[2], stride[2], padding[2], signs[8];
  int causal, adjacent, has_rows;
  float epsilon, scale;
  cr_text tensors[TENSORS]; /* without text where there is none */
  int64_t extents[TENSORS][4];
  int ranks[TENSORS];
  const float *weights[TENSORS];
} cr_step;

typedef struct {
  int code;                                /* 1 image, 2 text; 0 where the pack has no such tower */
  int64_t pixels[3], least, most, padding; /* padding is ABSENT where texts keep their length */
  cr_step *steps;
  cr_shape *values;
  int step_count, value_count, output;
} cr_tower;

typedef struct {
  cr_tower towers[2];
  int has_scores, is_sigmoid;
  cr_text scale, bias;
} cr_network;

/* Which keys an operation has: attributes, tensors, inputs. */
typedef struct {
  const char *name;
  int least, most;
  const char *needed, *optional;
  int tail, activation;
} cr_row;

static const cr_row cr_rows[OPERATIONS] = {
    {"parameter", 0, 0, "width weight", "rows", 0, 0},
    {"lookup", 1, 1, "rows width weight", "scale", 0, 0},
    {"mask", 1, 1, "hidden", "before after", 0, 0},
    {"position", 1, 2, "rows weight", "start row", 0, 0},
    {"concat", 2, 8, "", "", 0, 0},
    {"conv2d", 1, 1, "width kernel weight", "stride padding groups bias", 1, 1},
    {"average_pool", 1, 1, "kernel", "stride padding", 0, 0},
    {"batch_norm", 1, 1, "epsilon weight bias mean variance", "", 1, 1},
    {"layer_norm", 1, 1, "epsilon weight", "bias", 0, 0},
    {"linear", 1, 1, "width weight", "bias", 1, 1},
    {"scale", 1, 1, "weight", "", 1, 1},
    {"add", 1, 8, "", "signs", 0, 1},
    {"multiply", 2, 2, "", "", 0, 1},
    {"rotate", 3, 3, "heads pairs", "skip", 0, 0},
    {"attention", 3, 4, "heads", "causal", 0, 0},
    {"mean", 1, 2, "", "skip", 0, 0},
    {"pick", 1, 2, "", "row token", 0, 0},
};

static inline void cr_need(int holds, const char *what) {
  if (!holds) cr_refuse("network: %s", what);
}

/* Whether a list of words, separated by spaces, has a key. */
static inline int cr_lists(const char *words, const char *key, size_t length) {
  for (const char *at = words; (at = strstr(at, key)); ++at)
    if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
  return 0;
}

/* Every key is one of those, and those needed are there. */
static inline void cr_members(const json *object, const char *needed, const char *optional) {
  cr_need(object && object->kind == JSON_OBJECT, "an object is needed");
  for (const json *one = object->first; one; one = one->next)
    cr_need(one->key_length > 0 && strlen(one->key) == one->key_length && !strchr(one->key, ' ') &&
                (cr_lists(needed, one->key, one->key_length) ||
                 cr_lists(optional, one->key, one->key_length)),
            "a key is unknown: a newer reader is needed");
  char word[32];
  for (const char *at = needed; *at;) {
    size_t length = strcspn(at, " ");
    memcpy(word, at, length), word[length] = 0;
    cr_need(json_member(object, word) != NULL, "a key is missing");
    at += length + (at[length] == ' ');
  }
}

static inline int64_t cr_whole(const json *value, int64_t least, int64_t most) {
  cr_need(value->kind == JSON_WHOLE && value->whole >= least && value->whole <= most,
          "a number out of its range");
  return value->whole;
}

static inline int64_t cr_attribute(const json *step, const char *key, int64_t least, int64_t most,
                                   int64_t absent) {
  const json *value = json_member(step, key);
  return value ? cr_whole(value, least, most) : absent;
}

static inline void cr_pair(const json *step, const char *key, int64_t least, int64_t pair[2]) {
  const json *value = json_member(step, key);
  if (!value) return;
  cr_need(value->kind == JSON_ARRAY && value->count == 2, "two whole numbers are needed");
  pair[0] = cr_whole(value->first, least, 64), pair[1] = cr_whole(value->first->next, least, 64);
}

static inline cr_text cr_string(const json *value) {
  cr_need(value->kind == JSON_STRING, "a string is needed");
  return (cr_text){value->text, value->length};
}

/* A name of a value. */
static inline cr_text cr_name(const json *value) {
  cr_text name = cr_string(value);
  cr_need(name.length >= 1 && name.length <= 32 && name.text[0] >= 'a' && name.text[0] <= 'z',
          "a name that cannot be");
  for (size_t i = 0; i < name.length; ++i)
    cr_need((name.text[i] >= 'a' && name.text[i] <= 'z') ||
                (name.text[i] >= '0' && name.text[i] <= '9') || name.text[i] == '_',
            "a name that cannot be");
  return name;
}

/* Attributes, tensors and combinations of a step, by sections 2.2 and 3; its values come later. */
static inline cr_step cr_read_step(const json *value, int repeated) {
  static const char *const activations[] = {"",     "quick_gelu", "gelu",    "gelu_tanh",
                                            "relu", "silu",       "sigmoid", "tanh"};
  static const char *const tensors[] = {"weight", "bias", "mean", "variance"};
  cr_step s = {.op = OPERATIONS, .add = -1, .stride = {1, 1}};
  cr_need(value->kind == JSON_OBJECT, "a step is an object");
  const json *op = json_member(value, "op");
  cr_need(op && op->kind == JSON_STRING, "op is missing");
  for (int i = 0; i < OPERATIONS; ++i)
    if (json_is(op, cr_rows[i].name)) s.op = (cr_op)i;
  cr_need(s.op < OPERATIONS, "an operation is unknown: a newer reader is needed");
  const cr_row *row = &cr_rows[s.op];
  char needed[128], optional[128];
  snprintf(needed, sizeof needed, "op to%s %s", row->most ? " from" : "", row->needed);
  snprintf(optional, sizeof optional, "%s%s%s%s", row->optional, row->tail ? " add" : "",
           row->activation ? " activation" : "", s.op == MASK ? "" : " stage");
  size_t end = strlen(needed);
  if (needed[end - 1] == ' ') needed[end - 1] = 0;
  cr_members(value, needed, optional);
  cr_name(json_member(value, "to"));
  const json *from = json_member(value, "from");
  if (from) {
    s.count = from->kind == JSON_ARRAY ? (int)(from->count > 8 ? 9 : from->count) : 1;
    cr_need(s.count >= row->least && s.count <= row->most, "another number of inputs is needed");
    cr_need(from->kind != JSON_ARRAY || s.count > 1, "a string is needed");
    for (const json *one = from->kind == JSON_ARRAY ? from->first : from; one;
         one = from->kind == JSON_ARRAY ? one->next : NULL)
      cr_name(one);
  }
  s.has_rows = json_member(value, "rows") != NULL;
  s.width = cr_attribute(value, "width", 1, 1 << 20, 0);
  s.rows = cr_attribute(value, "rows", 1, 1 << 24, 1);
  s.heads = cr_attribute(value, "heads", 1, 1 << 20, 1);
  s.skip = cr_attribute(value, "skip", 0, 1 << 20, 0);
  s.hidden = cr_attribute(value, "hidden", 0, INT32_MAX, 0);
  s.before = cr_attribute(value, "before", 0, 1 << 20, 0);
  s.after = cr_attribute(value, "after", 0, 1 << 20, 0);
  s.start = cr_attribute(value, "start", 0, 1 << 24, ABSENT);
  s.groups = cr_attribute(value, "groups", 1, 1 << 20, 1);
  const json *which = json_member(value, "row"), *token = json_member(value, "token");
  s.row = !which ? ABSENT
          : s.op == PICK && json_is(which, "last")
              ? LAST
              : cr_whole(which, 0, s.op == PICK ? 1 << 20 : 1 << 24);
  s.token = !token ? ABSENT : json_is(token, "largest") ? LARGEST : cr_whole(token, 0, INT32_MAX);
  cr_pair(value, "kernel", 1, s.kernel), cr_pair(value, "stride", 1, s.stride),
      cr_pair(value, "padding", 0, s.padding);
  if (s.op == AVERAGE_POOL && !json_member(value, "stride"))
    memcpy(s.stride, s.kernel, sizeof s.stride);
  const json *decimal = json_member(value, "epsilon");
  if (decimal) {
    cr_need((decimal->kind == JSON_WHOLE || decimal->kind == JSON_DECIMAL) &&
                decimal->number >= 1e-12 && decimal->number <= 1,
            "epsilon is out of its range");
    s.epsilon = (float)decimal->number;
  }
  s.scale = 1;
  decimal = s.op == LOOKUP ? json_member(value, "scale") : NULL;
  if (decimal) {
    cr_need((decimal->kind == JSON_WHOLE || decimal->kind == JSON_DECIMAL) &&
                decimal->number < 0x1p128 && decimal->number > -0x1p128,
            "scale is out of its range");
    s.scale = (float)decimal->number;
    cr_need(s.scale != 0 && s.scale - s.scale == 0, "scale is out of its range");
  }
  const json *word = json_member(value, "causal");
  cr_need(!word || word->kind == JSON_BOOL, "causal is true or false");
  s.causal = word && word->whole;
  word = json_member(value, "pairs"), s.adjacent = word && json_is(word, "adjacent");
  cr_need(!word || s.adjacent || json_is(word, "halves"), "pairs are adjacent or halves");
  word = json_member(value, "activation");
  for (int i = 1; word && i < ACTIVATIONS; ++i)
    if (json_is(word, activations[i])) s.activation = (cr_activation)i;
  cr_need(!word || s.activation, "an activation is unknown: a newer reader is needed");
  word = json_member(value, "signs");
  cr_need(!word || (word->kind == JSON_ARRAY && word->count == (size_t)s.count),
          "signs are as many as inputs");
  for (int i = 0; i < 8; ++i) s.signs[i] = 1;
  int sign = 0;
  for (const json *one = word ? word->first : NULL; one; one = one->next) {
    s.signs[sign] = cr_whole(one, -1, 1);
    cr_need(s.signs[sign++] != 0, "a sign is 1 or -1");
  }
  word = json_member(value, "add");
  if (word) cr_name(word);
  word = json_member(value, "stage");
  if (word) {
    cr_text stage = cr_string(word);
    int marks = 0;
    cr_need(stage.length >= 1 && stage.length <= 64, "a stage has 1 to 64 bytes");
    for (size_t i = 0; i < stage.length; ++i)
      marks += stage.text[i] == '#',
          cr_need(stage.text[i] >= ' ' && stage.text[i] <= '~', "a stage is printable");
    cr_need(marks == repeated, "# is once in the stages of a repeat, and nowhere else");
  }
  for (int i = 0; i < TENSORS; ++i)
    if ((word = json_member(value, tensors[i]))) s.tensors[i] = cr_string(word);
  if (s.op == POSITION) {
    cr_need((s.start == ABSENT) != (s.row == ABSENT), "one of start and row is needed");
    cr_need(s.count == 1 || s.start >= 1, "with a mask start is at least 1");
  }
  for (int i = 0; (s.op == CONV2D || s.op == AVERAGE_POOL) && i < 2; ++i)
    cr_need(s.padding[i] < s.kernel[i], "padding is less than the kernel");
  if (s.op == PICK) {
    cr_need((s.row == ABSENT) != (s.token == ABSENT), "one of row and token is needed");
    cr_need(s.count == (s.token == ABSENT ? 1 : 2), "row reads x alone, token x and ids");
  }
  return s;
}
