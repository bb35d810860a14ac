#include "compare.h"

#include <math.h>

// ck_reproducible.h: the same bits everywhere. What they are near to is tested in Swift.

static void product(size_t m, size_t n, size_t k, bool a_turned, bool b_turned) {
  const size_t stride = n + 2, all = m * stride;
  const float *a = normals(m * k, 1), *b = normals(k * n, 3);
  const size_t a_row = a_turned ? 1 : k, a_step = a_turned ? m : 1;
  const size_t b_step = b_turned ? 1 : n, b_column = b_turned ? k : 1;
  float *scratch = room(4 * CK_REPRODUCIBLE_SCRATCH);
  float *before = normals(all, 1), *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  shape("m, n, k", m, n, k);
  ck_reproducible_product(scalar, stride, a, a_row, a_step, b, b_step, b_column, m, n, k, scratch,
                          CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    ck_reproducible_product(found, stride, a, a_row, a_step, b, b_step, b_column, m, n, k, scratch,
                            isa);
    same(isa, "sums", scalar, found, 4 * all);
  }
}

static void softmax(size_t count, float spread) {
  const float *before = normals(count, spread);
  float *scalar = copy_of(before, 4 * count), *found = room(4 * count);
  shape("count, spread", count, (size_t)spread, 0);
  ck_reproducible_softmax(scalar, count, 0.5f, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * count);
    ck_reproducible_softmax(found, count, 0.5f, isa);
    same(isa, "shares", scalar, found, 4 * count);
  }
}

static void activate(size_t count, CKActivation activation) {
  const float *x = normals(count, 4), *before = normals(count, 1);
  float *values = copy_of(x, 4 * count), *found = room(4 * count);
  float *slopes = copy_of(before, 4 * count), *found_slopes = room(4 * count);
  shape("count, activation", count, activation, 0);
  ck_reproducible_activate(values, count, activation, CKInstructionSetScalar);
  ck_reproducible_activation_gradient(slopes, x, count, activation, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, x, 4 * count);
    reset(found_slopes, before, 4 * count);
    ck_reproducible_activate(found, count, activation, isa);
    ck_reproducible_activation_gradient(found_slopes, x, count, activation, isa);
    same(isa, "values", values, found, 4 * count);
    same(isa, "slopes", slopes, found_slopes, 4 * count);
  }
}

// 7×5 of a map of 6×9: windows reach over each edge, and strides leave places out.
static void depthwise(size_t channels, size_t stride, bool has_bias) {
  const CKWindows w = {channels, 6, 9, 7, 5, stride, 1, 3, 2, 9};
  const size_t lines = (6 + 2 * 3 - 7) / stride + 1, line = w.columns * channels;
  const float *map = normals(6 * 9 * channels, 1), *weight = normals(7 * 5 * channels, 1);
  const float *bias = has_bias ? normals(channels, 1) : NULL;
  float *scalar = room(4 * lines * line), *found = room(4 * lines * line);
  shape("channels, stride", channels, stride, 0);
  for (size_t y = 0; y < lines; y++)
    ck_depthwise_f32(scalar + y * line, map, weight, bias, w, y, CKInstructionSetScalar);
  EACH_SET(isa) {
    for (size_t y = 0; y < lines; y++)
      ck_depthwise_f32(found + y * line, map, weight, bias, w, y, isa);
    same(isa, "sums", scalar, found, 4 * lines * line);
  }
}

static void scale_channels(size_t channels, bool has_summands) {
  const size_t all = 3 * channels;
  const float *before = normals(all, 1), *factors = normals(channels, 2);
  const float *summands = has_summands ? normals(channels, 1) : NULL;
  float *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  shape("channels", channels, 0, 0);
  ck_scale_channels_f32(scalar, factors, summands, 3, channels, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    ck_scale_channels_f32(found, factors, summands, 3, channels, isa);
    same(isa, "values", scalar, found, 4 * all);
  }
}

static void logarithms(void) {
  for (int i = 0; i < 20000; i++) {
    uint64_t bits = random_bits() >> 1;
    double x, found;
    memcpy(&x, &bits, sizeof x);
    found = isnan(x) ? 0 : ck_reproducible_log2(x);
    add_to_hash(&found, sizeof found);
    close_to(CKInstructionSetScalar, "logarithm", (size_t)i, isnan(x) ? 0 : log2(x), found,
             3 * 0x1p-52 * fabs(found));
  }
}

void compare_reproducible(void) {
  static const size_t counts[] = {1, 3, 4, 5, 8, 12, 13, 17, 33, 50, 100};
  kernel("reproducible_product", true);
  for (size_t i = 0; i < 11; i++)
    for (size_t j = 0; j < 11; j++, release())
      product(counts[i], counts[j], counts[(i + 3 * j) % 11] + (i == j ? 1100 : 0), i % 2, j % 2);
  kernel("reproducible_softmax", true);
  for (size_t i = 0; i < 11; i++)
    for (float spread = 1; spread < 200; spread *= 7, release()) softmax(counts[i], spread);
  kernel("reproducible_activation", true);
  for (CKActivation a = CKActivationNone; a <= CKActivationTanh; a++)
    for (size_t i = 0; i < 11; i++, release()) activate(10 * counts[i] + i % 3, a);
  kernel("depthwise", true);
  for (size_t i = 0; i < 11; i++, release())
    for (size_t stride = 1; stride < 4; stride++) depthwise(counts[i], stride, i % 2);
  kernel("scale_channels", true);
  for (size_t i = 0; i < 11; i++, release()) scale_channels(counts[i], i % 2);
  kernel("reproducible_log2", true);
  logarithms();
}
