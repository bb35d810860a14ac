#include "compare.h"

// ck_resize.h

static void resample(size_t pixels, size_t window) {
  const size_t step = window / 3 + 1, outs = (pixels + step - 1) / step;
  const size_t stride = (window + 15) / 16 * 16;
  const uint8_t *row = room(3 * pixels);
  int32_t *starts = room(4 * outs), *counts = room(4 * outs), *weights = room(4 * outs * stride);
  memset(weights, 0, 4 * outs * stride);
  for (size_t i = 0; i < outs; i++) {
    starts[i] = (int32_t)(i * step);
    counts[i] = (int32_t)(pixels - i * step < window ? pixels - i * step : window);
    for (int32_t j = 0; j < counts[i]; j++)
      weights[i * stride + (size_t)j] = (int32_t)random_below(1 << 23) - (1 << 22);
    // As large as may be.
    if (i % 7 == 3) weights[i * stride] = i % 2 ? (127 << 16) - 1 : 1 - (127 << 16);
  }
  uint8_t *scalar = room(3 * outs), *found = room(3 * outs), *before = room(3 * outs);
  shape("pixels, window", pixels, window, 0);
  ck_resample_row_rgb(scalar, row, pixels, starts, counts, weights, stride, outs,
                      CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 3 * outs);
    ck_resample_row_rgb(found, row, pixels, starts, counts, weights, stride, outs, isa);
    same(isa, "levels", scalar, found, 3 * outs);
  }
}

static void accumulate(size_t count, int32_t weight) {
  const uint8_t *row = room(count);
  int32_t *before = room(4 * count), *scalar = copy_of(before, 4 * count), *found = room(4 * count);
  uint8_t *levels = room(count);
  shape("count", count, 0, 0);
  ck_accumulate_row(scalar, row, weight, count, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * count);
    ck_accumulate_row(found, row, weight, count, isa);
    same(isa, "sums", scalar, found, 4 * count);
  }
  ck_round_row(levels, scalar, count);
  add_to_hash(levels, count);
}

void compare_resize(void) {
  kernel("resample_row_rgb", true);
  for (size_t pixels = 1; pixels < 300; pixels += pixels / 5 + 1)
    for (size_t window = 1; window <= pixels; window += window / 3 + 1, release())
      resample(pixels, window);
  kernel("accumulate_row", true);
  static const int32_t weights[] = {0, 1, -1, 4194304, -1234567};
  for (size_t count = 0; count < 300; count += count / 5 + 1)
    for (int w = 0; w < 5; w++, release()) accumulate(count, weights[w]);
}
