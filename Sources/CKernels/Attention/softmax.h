// Part of a kernel's vector half: included after lanes.h, once for each width.

// row[i] = exp(scale·row[i] − m), m the maximum of scale·row. Returns their sum. At least one.
INLINE float V(exponentials)(float *row, size_t count, float scale) {
  Floats tops = V(splat)(row[0]);
  for (size_t i = 0; i < count; i += LANES) {
    Floats x = V(first)(count - i, V(load)(row + i, count - i), row[0]);
    tops = V(select)(x > tops, x, tops);
  }
  float top = V(maximum)(tops);
  Floats sums[V(PARTS)] = {{0}};
  for (size_t i = 0; i < count; i += 16)
#pragma clang loop unroll(full)
    for (size_t x = 0; x < V(PARTS); x++) {
      const size_t start = i + x * LANES;
      if (start >= count) break;
      Floats e = V(exp)((V(load)(row + start, count - start) - top) * scale);
      e = V(first)(count - start, e, 0);
      sums[x] += e;
      V(store)(row + start, e, count - start);
    }
  return V(sum_of_parts)(sums);
}
