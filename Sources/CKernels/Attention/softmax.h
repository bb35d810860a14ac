// Part of a kernel's vector half: included after lanes.h, once for each width.

// row[i] = exp(scale·row[i] − m), m the maximum of scale·row. Returns their sum. At least one.
INLINE float V(exponentials)(float *row, size_t count, float scale) {
  Floats tops = V(splat)(row[0]);
  for (size_t i = 0; i < count; i += LANES) {
    Floats x = V(first)(count - i, V(load)(row + i, count - i), row[0]);
    tops = V(select)(x > tops, x, tops);
  }
  float top = V(maximum)(tops);
  Floats sums = {0};
  for (size_t i = 0; i < count; i += LANES) {
    Floats e = V(exp)((V(load)(row + i, count - i) - top) * scale);
    e = V(first)(count - i, e, 0);
    sums += e;
    V(store)(row + i, e, count - i);
  }
  return V(sum)(sums);
}
