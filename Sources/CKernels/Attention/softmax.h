// Part of a kernel's vector half: included after lanes.h, once for each width.

// Of a row's exponentials their sum; and of these times their factors the largest and the sum.
typedef struct {
  float sum, top, total;
} V(Exponentials);

// row[i] = exp(scale·row[i] − m), m the maximum of scale·row, times factors[i] where there are any,
// which are no less than 0. At least one element.
INLINE V(Exponentials) V(weighted_exponentials)(float *row, const float *factors, size_t count,
                                                float scale) {
  Floats tops = V(splat)(row[0]);
  for (size_t i = 0; i < count; i += LANES) {
    Floats x = V(first)(count - i, V(load)(row + i, count - i), row[0]);
    tops = V(select)(x > tops, x, tops);
  }
  float top = V(maximum)(tops);
  Floats sums[V(PARTS)] = {{0}}, totals[V(PARTS)] = {{0}}, most = {0};
  for (size_t i = 0; i < count; i += 16)
    for (size_t x = 0; x < V(PARTS); x++) {
      const size_t start = i + x * LANES;
      if (start >= count) break;
      Floats e = V(exp)((V(load)(row + start, count - start) - top) * scale);
      e = V(first)(count - start, e, 0);
      sums[x] += e;
      if (factors) {
        e *= V(load)(factors + start, count - start);
        totals[x] += e;
        most = V(greater)(most, e);
      }
      V(store)(row + start, e, count - start);
    }
  const float sum = V(sum_of_parts)(sums);
  if (!factors) return (V(Exponentials)){sum, 1, sum};
  return (V(Exponentials)){sum, V(maximum)(most), V(sum_of_parts)(totals)};
}

// The same without factors. Returns their sum.
INLINE float V(exponentials)(float *row, size_t count, float scale) {
  return V(weighted_exponentials)(row, NULL, count, scale).sum;
}
