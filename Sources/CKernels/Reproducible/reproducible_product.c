#ifndef LANES
#include "CKernels.h"

// See ck_reproducible.h: V(fma) is rounded once everywhere, and nothing else may be fused.
#pragma STDC FP_CONTRACT OFF
#define FUSED

// Rows of b that lie packed in a cache while all rows of a pass by. An element's sum waits in `out`
// from one lot to the next, which is exact.
enum { DEPTH = 512, MOST_COLUMNS = 32, TALLEST = 12 };
_Static_assert(CK_REPRODUCIBLE_SCRATCH >= DEPTH * MOST_COLUMNS, "a packed lot fits the scratch");

// Vectors of 4 are what any processor's compiler makes something of.
#define LANES 4
#define V(name) name##_scalar
#define KERNEL "reproducible_product.c"
#include "lanes.h"
#include KERNEL
#undef LANES
#undef V

#include "each_width.h"

void ck_reproducible_product(float *out, size_t out_stride, const float *a, size_t a_row,
                             size_t a_step, const float *b, size_t b_step, size_t b_column,
                             size_t m, size_t n, size_t k, float *scratch, CKInstructionSet isa) {
  DISPATCH(isa, product, out, out_stride, a, a_row, a_step, b, b_step, b_column, m, n, k, scratch);
}

#else

// As many rows as 2 vectors of sums each leave registers for.
#undef ROWS
#if LANES == 16
#define ROWS TALLEST
#else
#define ROWS 6
#endif

// steps × columns of b, to [steps, 2 · LANES]; what is missing is 0.
INLINE void V(pack)(float *panel, const float *b, size_t b_step, size_t b_column, size_t steps,
                    size_t columns) {
  const size_t width = 2 * LANES;
  if (b_column == 1) {
    for (size_t s = 0; s < steps; s++, b += b_step, panel += width) {
      V(store)(panel, V(load)(b, columns), LANES);
      V(store)(panel + LANES, columns > LANES ? V(load)(b + LANES, columns - LANES) : V(splat)(0),
               LANES);
    }
    return;
  }
  size_t j = 0;
  for (; j + 4 <= columns; j += 4) {
    const float *b0 = b + j * b_column, *b1 = b0 + b_column, *b2 = b1 + b_column;
    const float *b3 = b2 + b_column;
    for (size_t s = 0; s < steps; s++) {
      float *to = panel + s * width + j;
      to[0] = b0[s * b_step];
      to[1] = b1[s * b_step];
      to[2] = b2[s * b_step];
      to[3] = b3[s * b_step];
    }
  }
  for (; j < width; j++)
    for (size_t s = 0; s < steps; s++)
      panel[s * width + j] = j < columns ? b[s * b_step + j * b_column] : 0;
}

INLINE void V(tile)(float *out, size_t out_stride, const float *a, size_t a_row, size_t a_step,
                    const float *panel, const int rows, size_t columns, size_t steps) {
  const size_t second = columns > LANES ? columns - LANES : 0;
  Floats sums[TALLEST][2];
  for (int r = 0; r < rows; r++) {
    const float *from = out + (size_t)r * out_stride;
    sums[r][0] = V(load)(from, columns);
    sums[r][1] = second ? V(load)(from + LANES, second) : V(splat)(0);
  }
  for (size_t s = 0; s < steps; s++, a += a_step, panel += 2 * LANES) {
    const Floats b0 = V(load)(panel, LANES), b1 = V(load)(panel + LANES, LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const Floats x = V(splat)(a[(size_t)r * a_row]);
      sums[r][0] = V(fma)(x, b0, sums[r][0]);
      sums[r][1] = V(fma)(x, b1, sums[r][1]);
#if LANES == 16
      // Keeps the compiler from loading all of a first, for which there are not enough registers.
      __asm__ volatile("" : "+v"(sums[r][0]), "+v"(sums[r][1])::"memory");
#endif
    }
  }
  for (int r = 0; r < rows; r++) {
    float *to = out + (size_t)r * out_stride;
    V(store)(to, sums[r][0], columns);
    if (second) V(store)(to + LANES, sums[r][1], second);
  }
}

static void V(product)(float *out, size_t out_stride, const float *a, size_t a_row,
                             size_t a_step, const float *b, size_t b_step, size_t b_column,
                             size_t m, size_t n, size_t k, float *scratch) {
  for (size_t s = 0; s < k; s += DEPTH)
    for (size_t j = 0; j < n; j += 2 * LANES) {
      const size_t steps = k - s < DEPTH ? k - s : DEPTH;
      const size_t columns = n - j < 2 * LANES ? n - j : 2 * LANES;
      const size_t tiles = (m + ROWS - 1) / ROWS;
      V(pack)(scratch, b + s * b_step + j * b_column, b_step, b_column, steps, columns);
      for (size_t tile = 0, i = 0; tile < tiles; tile++) {
        // As equal as can be.
        const size_t rows = (m - i + tiles - tile - 1) / (tiles - tile);
        float *to = out + i * out_stride + j;
        const float *from = a + i * a_row + s * a_step;
        switch (rows) {
#define CASE(count)                                                                       \
  case count:                                                                             \
    V(tile)(to, out_stride, from, a_row, a_step, scratch, count, columns, steps);         \
    break;
          CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if LANES == 16
          CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#undef CASE
        }
        i += rows;
      }
    }
}

#endif
