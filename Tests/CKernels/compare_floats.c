#include "compare.h"

#include <math.h>

// ck_float.h, but for products: see compare_linear.c. The bounds are those of the header, against
// the formulas in double precision.

static const size_t widths[] = {1,  2,  3,  4,  5,  7,  8,  9,  15,  16,
                                17, 31, 32, 33, 50, 63, 65, 100, 768};
enum { WIDTHS = sizeof widths / sizeof *widths };

static float ulp(float x) { return nextafterf(fabsf(x), INFINITY) - fabsf(x); }

static double norm_of(const float *row, size_t i, size_t width, float w, float b, float epsilon) {
  double mean = 0, variance = 0;
  for (size_t j = 0; j < width; j++) mean += row[j];
  mean /= (double)width;
  for (size_t j = 0; j < width; j++) variance += (row[j] - mean) * (row[j] - mean);
  return (row[i] - mean) / sqrt(variance / (double)width + epsilon) * w + b;
}

static void layer_norm(size_t width) {
  const size_t rows = 3, all = rows * width;
  float *in = normals(all, 1), *scalar = room(4 * all), *found = room(4 * all);
  float *in_place = room(4 * all), *before = room(4 * all);
  for (size_t i = 0; i < all; i++) in[i] += 2;
  const float *weight = normals(width, 1), *bias = normals(width, 1);
  shape("width", width, 0, 0);
  ck_layer_norm_f32(scalar, in, weight, bias, rows, width, 1e-5f, CKInstructionSetScalar);
  for (size_t i = 0; i < all; i++) {
    const float w = weight[i % width], b = bias[i % width];
    const double exact = norm_of(in + i / width * width, i % width, width, w, b, 1e-5f);
    // Of two elements the variance may be next to 0, and epsilon decides.
    const double bound = width < 3 ? 1e-3 : 2e-6 * (fabs(exact - b) + fabs(w)) + ulp((float)exact);
    close_to(CKInstructionSetScalar, "value", i, exact, scalar[i], bound);
  }
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    ck_layer_norm_f32(found, in, weight, bias, rows, width, 1e-5f, isa);
    same(isa, "values", scalar, found, 4 * all);
    reset(in_place, in, 4 * all);
    ck_layer_norm_f32(in_place, in_place, weight, bias, rows, width, 1e-5f, isa);
    is_true(isa, "is the same in place", memcmp(found, in_place, 4 * all) == 0);
  }
}

double activated(double x, CKActivation activation) {
  switch (activation) {
  case CKActivationNone: return x;
  case CKActivationQuickGELU: return x / (1 + exp(-1.702 * x));
  case CKActivationGELU: return x * 0.5 * erfc(-x * 0.70710678118654752);
  case CKActivationTanhGELU:
    return x / (1 + exp(-1.5957691216057308 * (x + 0.044715 * x * x * x)));
  case CKActivationReLU: return x <= 0 ? 0 : x;
  case CKActivationSiLU: return x / (1 + exp(-x));
  case CKActivationSigmoid: return 1 / (1 + exp(-x));
  case CKActivationTanh: break;
  }
  return tanh(x);
}

static void bias_activation(size_t width, CKActivation activation, float spread) {
  const size_t rows = 3, stride = width + 5, all = rows * stride;
  const float *before = normals(all, spread);
  const float *bias = random_below(4) ? normals(width, 2) : NULL;
  float *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  if (width > 2) scalar[1] = NAN;
  const float *start = copy_of(scalar, 4 * all);
  shape("width, activation", width, activation, 0);
  ck_bias_activation_f32(scalar, bias, rows, width, stride, activation, CKInstructionSetScalar);
  for (size_t i = 0; i < all; i++) {
    const bool is_within = i % stride < width;
    const float x = start[i] + (bias && is_within ? bias[i % stride] : 0);
    const double size = activation == CKActivationSigmoid ? 1 : fabs(x);
    close_to(CKInstructionSetScalar, "value", i, is_within ? activated(x, activation) : x,
             scalar[i], is_within && activation != CKActivationNone ? 4e-7 * size : 0);
  }
  // What lies between the rows is not finite now and then.
  settle_nans(scalar, all);
  EACH_SET(isa) {
    reset(found, start, 4 * all);
    ck_bias_activation_f32(found, bias, rows, width, stride, activation, isa);
    settle_nans(found, all);
    same(isa, "values", scalar, found, 4 * all);
  }
}

static void add(size_t count) {
  const float *before = odd_floats(count, false), *in = odd_floats(count, false);
  float *scalar = copy_of(before, 4 * count), *found = room(4 * count);
  shape("count", count, 0, 0);
  ck_add_f32(scalar, in, count, CKInstructionSetScalar);
  settle_nans(scalar, count);
  EACH_SET(isa) {
    reset(found, before, 4 * count);
    ck_add_f32(found, in, count, isa);
    settle_nans(found, count);
    same(isa, "sums", scalar, found, 4 * count);
  }
}

static void softmax(size_t count, float spread) {
  const float *row = normals(count, spread), scale = 0.5f;
  float *scalar = copy_of(row, 4 * count), *found = room(4 * count), most = row[0];
  for (size_t i = 0; i < count; i++) most = fmaxf(most, row[i]);
  shape("count, spread", count, (size_t)spread, 0);
  ck_softmax_f32(scalar, count, scale, CKInstructionSetScalar);
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += exp(scale * ((double)row[i] - most));
  for (size_t i = 0; i < count; i++) {
    const double below = scale * ((double)most - row[i]), exact = exp(-below) / sum;
    // e⁻⁸⁷ of at least the smallest sum there is.
    const double bound = below > 86.9 ? 2e-38 : 1e-6 * (1 + below) * exact;
    close_to(CKInstructionSetScalar, "share", i, exact, scalar[i], bound);
  }
  EACH_SET(isa) {
    reset(found, row, 4 * count);
    ck_softmax_f32(found, count, scale, isa);
    same(isa, "shares", scalar, found, 4 * count);
  }
}

// out[i, c] in double precision.
static double attended(const float *q, const float *k, const float *v, CKHead head, size_t i,
                       size_t c) {
  const size_t seen = head.causal ? head.keys - head.queries + i + 1 : head.keys;
  double top = -INFINITY, sum = 0, mix = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t j = 0; j < seen; j++) {
      double score = 0;
      for (size_t x = 0; x < head.width; x++)
        score += (double)q[i * head.stride + x] * k[j * head.key_stride + x];
      if (pass == 0) {
        top = fmax(top, score);
        continue;
      }
      const double share = exp(head.scale * (score - top));
      sum += share;
      mix += share * v[j * head.key_stride + c];
    }
  return mix / sum;
}

// What a head is multiplied in.
typedef enum { InFloats, InHalves, InIntegers } Products;

static void attention(size_t queries, size_t keys, size_t width, bool causal, Products products) {
  const size_t stride = 2 * width + 3, key_stride = 2 * width + 5, out_stride = width + 2;
  const float *q = normals(queries * stride, 1), *k = normals(keys * key_stride, 1);
  const float *v = normals(keys * key_stride, 1);
  const size_t all = queries * out_stride;
  float *before = room(4 * all), *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  float *scratch = room((4 * ck_attention_scratch(keys, width) + 63) / 64 * 64);
  float largest = 0;
  for (size_t i = 0; i < keys * key_stride; i++) largest = fmaxf(largest, fabsf(v[i]));
  const CKHead head = {queries,    keys,       width,  stride,
                       key_stride, out_stride, 1 / sqrtf((float)width), causal};
  shape("queries, keys, width", queries, keys, width);
  const float bound = products == InIntegers ? 0x1p-10f : 1e-5f;
  if (products == InIntegers)
    ck_attention_i16(scalar, q, k, v, head, scratch, CKInstructionSetScalar);
  else ck_attention_f32(scalar, q, k, v, head, scratch, CKInstructionSetScalar);
  for (size_t i = 0; i < queries; i++)
    for (size_t c = 0; c < width; c += 1 + width / 3)
      close_to(CKInstructionSetScalar, "exact value", i, attended(q, k, v, head, i, c),
               scalar[i * out_stride + c], bound * largest);
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    if (products != InHalves) {
      if (products == InIntegers) ck_attention_i16(found, q, k, v, head, scratch, isa);
      else ck_attention_f32(found, q, k, v, head, scratch, isa);
      same(isa, causal ? "causal values" : "values", scalar, found, 4 * all);
      continue;
    }
    ck_attention_bf16(found, q, k, v, head, scratch, isa);
    for (size_t i = 0; i < all; i++)
      close_to(isa, causal ? "causal value" : "value", i, scalar[i], found[i],
               i % out_stride < width ? 0x1p-6 * largest : 0);
  }
}

void compare_floats(void) {
  kernel("layer_norm", true);
  for (size_t i = 0; i < WIDTHS; i++, release()) layer_norm(widths[i]);
  kernel("bias_activation", true);
  for (CKActivation a = CKActivationNone; a <= CKActivationTanh; a++)
    for (size_t i = 0; i < WIDTHS; i++, release()) {
      bias_activation(widths[i], a, 4);
      release();
      // Where functions are next to their limits, and powers leave what floats hold.
      bias_activation(widths[i], a, 200);
    }
  kernel("add", true);
  for (size_t i = 0; i < WIDTHS; i++, release()) add(widths[i]);
  kernel("softmax", true);
  for (float spread = 1; spread < 200; spread *= 7)
    for (size_t i = 0; i < WIDTHS; i++, release()) softmax(widths[i], spread);
  static const size_t tokens[] = {1, 2, 3, 4, 5, 9, 16, 17, 31, 33, 50, 77};
  static const size_t wide[] = {1, 5, 16, 33, 64};
  static const char *const names[] = {"attention_f32", "attention_bf16", "attention_i16"};
  for (Products products = InFloats; products <= InIntegers; products++) {
    kernel(names[products], products != InHalves);
    for (size_t t = 0; t < 12; t++)
      for (size_t w = 0; w < 5; w++, release()) {
        for (int causal = 0; causal < 2; causal++, release())
          attention(tokens[t], tokens[t], wide[w], causal, products);
        attention(1 + t % 3, tokens[t], wide[w], false, products);
        // The last of the keys are those of the queries.
        attention((tokens[t] + 2) / 3, tokens[t], wide[w], true, products);
      }
  }
}
