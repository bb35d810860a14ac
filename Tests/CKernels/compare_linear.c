#include "compare.h"

#include <math.h>

// ck_int8.h, ck_bf16.h, and the products of ck_float.h. The bounds are those of the headers.

static const size_t heights[] = {1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 25};
static const size_t panels[] = {1, 2, 3, 4, 5, 8, 15, 16, 17, 19, 31, 32};
static const size_t depths[] = {1, 3, 4, 5, 7, 8, 15, 16, 17, 24, 31, 33, 64, 77, 128};
enum { HEIGHTS = 11, PANELS = 12, DEPTHS = 15 };

static CKAhead some_ahead(void) {
  const size_t bytes = random_below(3) * 700;
  return (CKAhead){.next = room(bytes), .bytes = bytes};
}

static CKPanel panel_for(size_t row_bytes) {
  return (CKPanel){.scratch = room(ck_panel_bytes(row_bytes)), .ahead = some_ahead()};
}

// A panel of n ≤ 32 rows of k codes.
static int8_t *panel_of(const int8_t *codes, size_t n, size_t k) {
  int8_t *panel = room(ck_panel_bytes(k));
  ck_pack_codes(panel, codes, n, k, CKInstructionSetScalar);
  return panel;
}

static void panels_of_codes(size_t rows, size_t columns) {
  const int8_t *codes = room(rows * columns);
  const size_t size = (rows + CK_PANEL - 1) / CK_PANEL * ck_panel_bytes(columns);
  int8_t *scalar = room(size), *found = room(size), *back = room(rows * columns);
  int32_t *sums = room(4 * rows), *found_sums = room(4 * rows);
  const void *before = room(size), *before_sums = room(4 * rows);
  shape("rows, columns", rows, columns, 0);
  ck_pack_codes(scalar, codes, rows, columns, CKInstructionSetScalar);
  ck_sum_codes(sums, scalar, rows, columns, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, size);
    reset(found_sums, before_sums, 4 * rows);
    ck_pack_codes(found, codes, rows, columns, isa);
    same(isa, "panels", scalar, found, size);
    ck_sum_codes(found_sums, scalar, rows, columns, isa);
    same(isa, "sums of rows", sums, found_sums, 4 * rows);
  }
  ck_unpack_codes(back, scalar, 0, rows, columns);
  same(CKInstructionSetScalar, "unpacked codes", codes, back, rows * columns);
  const size_t first = rows / 3, count = rows / 2 - rows / 3;
  int8_t *some = room(count * columns);
  ck_unpack_codes(some, scalar, first, count, columns);
  is_true(CKInstructionSetScalar, "some rows unpacked",
          memcmp(some, codes + first * columns, count * columns) == 0);
}

// What the codes of rows and weights are taken from: all, the largest, the least.
typedef enum { AnyCodes, LargestCodes, LeastCodes } Extremes;

static void dots_of_bytes(size_t m, size_t n, size_t k, Extremes extremes) {
  const size_t stride = (k + 3) / 4 * 4 + random_below(4), sums_stride = n + random_below(3);
  const size_t all = (m - 1) * sums_stride + n;
  // Of the last row, no more than whole words.
  uint8_t *a = room((m - 1) * stride + (k + 3) / 4 * 4);
  int8_t *w = room(n * k);
  if (extremes != AnyCodes) {
    memset(a, extremes == LargestCodes ? 255 : 0, (m - 1) * stride + k);
    memset(w, extremes == LargestCodes && m % 2 ? 127 : -128, n * k);
  }
  const int8_t *panel = panel_of(w, n, k);
  int32_t *before = room(4 * all), *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  const CKAhead ahead = some_ahead();
  shape("m, n, k", m, n, k);
  ck_dot_panel_u8_s8(scalar, sums_stride, a, stride, panel, m, n, k, ahead, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    ck_dot_panel_u8_s8(found, sums_stride, a, stride, panel, m, n, k, ahead, isa);
    same(isa, "sums", scalar, found, 4 * all);
  }
}

static uint16_t *halves_of(const float *values, size_t count) {
  uint16_t *halves = room(2 * count);
  ck_f32_to_bf16(halves, values, count, CKInstructionSetScalar);
  return halves;
}

static void dots_of_halves(size_t m, size_t n, size_t k) {
  const size_t padded = (k + CK_BF16_PADDING - 1) / CK_BF16_PADDING * CK_BF16_PADDING;
  const size_t stride = padded + random_below(2), sums_stride = n + random_below(3);
  const size_t all = (m - 1) * sums_stride + n, size = (m - 1) * stride + padded;
  float *x = normals(size, 1), *y = normals(n * padded, 1);
  for (size_t i = 0; i < size; i++) x[i] = i % stride < k ? x[i] : 0;
  const uint16_t *a = halves_of(x, size), *w = halves_of(y, n * padded);
  ck_bf16_to_f32(x, a, size, CKInstructionSetScalar);
  ck_bf16_to_f32(y, w, n * padded, CKInstructionSetScalar);
  float *before = room(4 * all), *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  float *one = room(4 * n);
  const CKPanel panel = panel_for(2 * padded);
  shape("m, n, k", m, n, k);
  for (size_t i = 0; i < all; i++) {
    const size_t r = i / sums_stride, j = i % sums_stride;
    double sum = 0;
    if (j >= n) continue;
    for (size_t c = 0; c < padded; c++) sum += (double)x[r * stride + c] * y[j * padded + c];
    scalar[i] = (float)sum;
  }
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    reset(one, before, 4 * n);
    for (int alone = 0; alone < 2; alone++) {
      float *to = alone ? one : found;
      const size_t to_stride = alone ? n : sums_stride, rows = alone ? 1 : m;
      const uint16_t *from = alone ? a + (m - 1) * stride : a;
      ck_dot_rows_bf16(to, to_stride, from, stride, w, rows, n, padded, panel, isa);
    }
    for (size_t i = 0; i < all; i++) {
      const size_t r = i / sums_stride, j = i % sums_stride;
      double sum = 0;
      if (j < n)
        for (size_t c = 0; c < padded; c++)
          sum += fabs((double)x[r * stride + c] * y[j * padded + c]);
      close_to(isa, "sum", i, scalar[i], found[i], (double)padded * 0x1p-23 * sum);
    }
    is_true(isa, "a row depends on itself alone",
            memcmp(one, found + (m - 1) * sums_stride, 4 * n) == 0);
  }
}

static void dots_of_floats(size_t m, size_t n, size_t k, bool coded) {
  const size_t stride = k + random_below(2), sums_stride = n + random_below(3);
  const size_t all = (m - 1) * sums_stride + n;
  const float *a = normals((m - 1) * stride + k, 1);
  float *w = normals(n * k, 1);
  const int8_t *codes = room(n * k), *panel_codes = panel_of(codes, n, k);
  if (coded)
    for (size_t i = 0; i < n * k; i++) w[i] = codes[i];
  float *before = room(4 * all), *scalar = copy_of(before, 4 * all), *found = room(4 * all);
  float *one = room(4 * n);
  const CKPanel panel = panel_for(4 * ((k + 3) / 4 * 4));
  shape(coded ? "coded m, n, k" : "m, n, k", m, n, k);
  ck_dot_rows_f32(scalar, sums_stride, a, stride, w, m, n, k, panel, CKInstructionSetScalar);
  EACH_SET(isa) {
    reset(found, before, 4 * all);
    reset(one, before, 4 * n);
    for (int alone = 0; alone < 2; alone++) {
      float *to = alone ? one : found;
      const size_t to_stride = alone ? n : sums_stride, rows = alone ? 1 : m;
      const float *from = alone ? a + (m - 1) * stride : a;
      if (coded) ck_dot_codes_f32(to, to_stride, from, stride, panel_codes, rows, n, k, panel, isa);
      else ck_dot_rows_f32(to, to_stride, from, stride, w, rows, n, k, panel, isa);
    }
    for (size_t i = 0; i < all; i++) {
      const size_t r = i / sums_stride, j = i % sums_stride;
      double size = 0;
      if (j < n)
        for (size_t c = 0; c < k; c++) size += fabs((double)a[r * stride + c] * w[j * k + c]);
      // One rounding more: the scalar version's own.
      close_to(isa, "sum", i, scalar[i], found[i], (double)(k + 1) * 0x1p-24 * size);
    }
    is_true(isa, "a row depends on itself alone",
            memcmp(one, found + (m - 1) * sums_stride, 4 * n) == 0);
  }
}

static void quantise_rows(size_t width, float scale, float shift, float odd, size_t planes) {
  const size_t rows = 3, stride = width + 3, all = rows * planes;
  float *x = normals(rows * width, scale);
  for (size_t i = 0; i < rows * width; i++) x[i] += shift;
  x[width + random_below(width)] += odd;
  uint8_t *before = room(all * stride), *codes = copy_of(before, all * stride);
  uint8_t *found_codes = room(all * stride);
  float *scales = room(4 * rows), *found_scales = room(4 * rows);
  int32_t *zeros = room(4 * all), *found_zeros = room(4 * all);
  shape("width, planes", width, planes, 0);
  ck_quantise_rows_u8(codes, scales, zeros, x, rows, width, stride, planes, CKInstructionSetScalar);
  settle_nans(scales, rows);
  EACH_SET(isa) {
    reset(found_codes, before, all * stride);
    reset(found_scales, before, 4 * rows);
    reset(found_zeros, before, 4 * all);
    ck_quantise_rows_u8(found_codes, found_scales, found_zeros, x, rows, width, stride, planes,
                        isa);
    settle_nans(found_scales, rows);
    same(isa, "codes", codes, found_codes, all * stride);
    same(isa, "scales", scales, found_scales, 4 * rows);
    same(isa, "zeros", zeros, found_zeros, 4 * all);
  }
}

// Both kernels that make a layer's result of sums.
static void scale(size_t m, size_t n, CKActivation activation, bool accumulating, bool has_bias,
                  size_t planes) {
  const size_t stride = n + 3, sums_stride = n + 1, all = m * stride;
  const float *scales = normals(m, 1), *steps = normals(n, 0.01f);
  const float *bias = has_bias ? normals(n, 2) : NULL, *before = normals(all, 1);
  const float *dots = normals(m * sums_stride, 100);
  int32_t *sums = room(4 * m * planes * sums_stride), *zeros = room(4 * m * planes);
  int32_t *row_sums = room(4 * n);
  for (size_t i = 0; i < m * sums_stride; i++) sums[i] %= 20000;
  for (size_t i = 0; i < m * planes; i++) zeros[i] &= 255;
  for (size_t j = 0; j < n; j++) row_sums[j] %= 100;
  const CKScaling scaling = {planes, scales, zeros, steps, row_sums, bias};
  float *scalar = room(4 * all), *found = room(4 * all);
  shape("m, n, activation", m, n, activation);
  for (int of_codes = 0; of_codes < 2; of_codes++) {
    const float *factors = of_codes || has_bias ? steps : NULL;
    memcpy(scalar, before, 4 * all);
    if (of_codes)
      ck_scale_sums_f32(scalar, stride, sums, sums_stride, scaling, m, n, activation, accumulating,
                        CKInstructionSetScalar);
    else
      ck_scale_dots_f32(scalar, stride, dots, sums_stride, factors, bias, m, n, activation,
                        accumulating, CKInstructionSetScalar);
    EACH_SET(isa) {
      reset(found, before, 4 * all);
      if (of_codes)
        ck_scale_sums_f32(found, stride, sums, sums_stride, scaling, m, n, activation, accumulating,
                          isa);
      else
        ck_scale_dots_f32(found, stride, dots, sums_stride, factors, bias, m, n, activation,
                          accumulating, isa);
      for (size_t i = 0; i < all; i++) {
        const size_t r = i / stride, j = i % stride;
        double bound = 0, exact = scalar[i];
        if (j < n) {
          const double factor = factors ? factors[j] : 1, term = bias ? fabs(bias[j]) : 0;
          double centred = 0, value = 0;
          for (size_t p = 0; p < planes; p++) {
            const size_t row = r * planes + p;
            const double one = sums[row * sums_stride + j] - (double)zeros[row] * row_sums[j];
            centred = 256 * fabs(centred) + fabs(one);
            value = 256 * value + one;
          }
          if (of_codes)
            exact = (accumulating ? before[i] : 0) +
                    activated(value * scales[r] * factor + (bias ? bias[j] : 0), activation);
          const double product = of_codes ? fabs(centred * scales[r] * factor)
                                          : fabs(dots[r * sums_stride + j] * factor);
          bound = 0x1p-21 * (product + term + (accumulating ? fabs(before[i]) : 0));
          // No activation is steeper than 1.13.
          if (activation != CKActivationNone) bound = 1.13 * bound + 4e-7 * (product + term);
          if (activation == CKActivationSigmoid) bound += 4e-7;
        }
        close_to(isa, of_codes ? "of codes" : "of floats", i, exact, found[i], bound);
      }
      if (of_codes) same(isa, "of codes", scalar, found, 4 * all);
    }
  }
}

void compare_linear(void) {
  kernel("quantise_rows", true);
  static const float scales[] = {1, 1e-3f, 1e20f, 0, 1e-35f}, shifts[] = {0, 5, -1, 0, 0};
  for (size_t i = 0; i < 40; i++)
    for (size_t s = 0; s < 5; s++, release())
      quantise_rows(1 + i * i / 2, scales[s], shifts[s],
                    i % 8 == 3 ? NAN : i % 8 == 5 ? INFINITY : i % 8 == 7 ? -INFINITY : 0,
                    1 + (i + s) % 2);
  kernel("panels_of_codes", true);
  for (size_t rows = 1; rows < 80; rows += rows / 4 + 1)
    for (size_t d = 0; d < DEPTHS; d++, release()) panels_of_codes(rows, depths[d]);
  kernel("dot_panel_u8_s8", true);
  for (size_t h = 0; h < HEIGHTS; h++)
    for (size_t p = 0; p < PANELS; p++)
      for (size_t d = (h + p) % 2; d < DEPTHS; d += 2, release())
        dots_of_bytes(heights[h], panels[p], depths[d], (Extremes)(random_below(8) % 3));
  dots_of_bytes(7, 32, 1024, AnyCodes);
  dots_of_bytes(8, 31, 2061, AnyCodes);
  dots_of_bytes(1, 2, CK_INT8_DEPTH, LargestCodes);
  release();
  dots_of_bytes(2, 3, CK_INT8_DEPTH, LargestCodes);
  dots_of_bytes(2, 1, CK_INT8_DEPTH - 1, LeastCodes);
  release();
  kernel("dot_rows_bf16", false);
  for (size_t h = 0; h < HEIGHTS; h++)
    for (size_t p = 0; p < PANELS; p++, release())
      dots_of_halves(heights[h], panels[p], depths[(h * 5 + p) % DEPTHS]);
  for (int coded = 0; coded < 2; coded++) {
    kernel(coded ? "dot_codes_f32" : "dot_rows_f32", false);
    for (size_t h = 0; h < HEIGHTS; h++)
      for (size_t p = 0; p < PANELS; p++)
        for (size_t d = (h + p) % 3; d < DEPTHS; d += 3, release())
          dots_of_floats(heights[h], panels[p], depths[d], coded);
  }
  kernel("scale_sums, scale_dots", true);
  for (size_t h = 0; h < HEIGHTS; h++)
    for (size_t p = 0; p < PANELS; p++)
      for (CKActivation a = CKActivationNone; a <= CKActivationTanh; a++, release()) {
        const size_t planes = 1 + (h + p) % 2;
        scale(heights[h], panels[p], a, false, true, planes);
        release();
        scale(heights[h], panels[p], CKActivationNone, true, a != CKActivationGELU, 3 - planes);
      }
}
