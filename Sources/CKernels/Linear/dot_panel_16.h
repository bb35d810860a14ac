// A panel of codes by products of 16 bits, which are exact, with NAME, TARGET, VECTOR, LOAD, OP and
// FEW. Undefines them.
//
// A word of 4 codes becomes two pairs of 16 bits: its even bytes and its odd ones. madd multiplies
// a row's pair with one of each column and adds both products up. For more than FEW rows the codes
// are widened beforehand, some columns of weights at a time, so that they stay in the first cache.

#define ROW_WORDS 64
#define TALLEST_TILE 6
#define ROW_VECTORS (4 * CK_PANEL / sizeof(VECTOR))

TARGET static inline VECTOR NAME(even)(VECTOR v) {
  return OP(srai_epi16)(OP(slli_epi16)(v, 8), 8);
}
TARGET static inline VECTOR NAME(odd)(VECTOR v) { return OP(srai_epi16)(v, 8); }

// `count` words of codes, to [2, count, 32] pairs: of the even bytes, then of the odd ones.
TARGET static inline void NAME(widen)(VECTOR *wide, const int8_t *codes, size_t count) {
  for (size_t i = 0; i < count * ROW_VECTORS; i++, codes += sizeof(VECTOR)) {
    const VECTOR v = LOAD(codes);
    wide[i] = NAME(even)(v);
    wide[count * ROW_VECTORS + i] = NAME(odd)(v);
  }
}

// The same of a row's words.
TARGET static inline void NAME(split)(uint32_t *pairs, const uint8_t *a, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t word;
    memcpy(&word, a + 4 * i, 4);
    pairs[i] = word & 0xff00ff;
    pairs[count + i] = word >> 8 & 0xff00ff;
  }
}

// Adds the products of each row's pair with a vector of two columns' pairs.
TARGET static inline __attribute__((always_inline)) void NAME(add_products)(
    VECTOR (*s)[2], const uint32_t *a, VECTOR w0, VECTOR w1, const int rows) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    const VECTOR u = OP(set1_epi32)((int32_t)a[r * 2 * ROW_WORDS]);
    s[r][0] = OP(add_epi32)(s[r][0], OP(madd_epi16)(u, w0));
    s[r][1] = OP(add_epi32)(s[r][1], OP(madd_epi16)(u, w1));
  }
}

// rows ≤ TALLEST_TILE rows of `count` words by two vectors of columns, `n` of which are there:
// their sums, or that added to what there is. The columns are `wide`, or codes that are widened
// here.
TARGET static inline __attribute__((always_inline)) void NAME(tile)(
    int32_t *sums, size_t sums_stride, const uint32_t *a, const int8_t *codes, const VECTOR *wide,
    const int rows, const bool widens, size_t n, size_t count, bool is_first) {
  VECTOR s[TALLEST_TILE][2];
  for (int r = 0; r < rows; r++) s[r][0] = s[r][1] = (VECTOR){0};
  if (widens)
    for (size_t i = 0; i < count; i++, codes += 4 * CK_PANEL) {
      const VECTOR v0 = LOAD(codes), v1 = LOAD(codes + sizeof(VECTOR));
      NAME(add_products)(s, a + i, NAME(even)(v0), NAME(even)(v1), rows);
      NAME(add_products)(s, a + count + i, NAME(odd)(v0), NAME(odd)(v1), rows);
    }
  else
    for (size_t i = 0; i < 2 * count; i++, wide += ROW_VECTORS)
      NAME(add_products)(s, a + i, wide[0], wide[1], rows);
  // Results go by way of memory of their own, so that sums stay in registers.
  const size_t bytes = 4 * n;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++, sums += sums_stride) {
    VECTOR of_row[2] = {{0}};
    if (!is_first) memcpy(of_row, sums, bytes < sizeof of_row ? bytes : sizeof of_row);
    of_row[0] = OP(add_epi32)(of_row[0], s[r][0]);
    of_row[1] = OP(add_epi32)(of_row[1], s[r][1]);
    if (bytes >= sizeof of_row) memcpy(sums, of_row, sizeof of_row);
    else memcpy(sums, of_row, bytes);
  }
}

TARGET static void NAME(panel)(int32_t *sums, size_t sums_stride, const uint8_t *a, size_t a_stride,
                               const int8_t *panel, size_t m, size_t n, size_t k) {
  VECTOR wide[2 * ROW_WORDS * ROW_VECTORS];
  uint32_t pairs[TALLEST_TILE][2 * ROW_WORDS];
  const bool widens = m <= FEW;
  const size_t words = (k + 3) / 4, tiles = (m + TALLEST_TILE - 1) / TALLEST_TILE;
  for (size_t first = 0; first == 0 || first < words; first += ROW_WORDS) {
    const size_t count = words - first < ROW_WORDS ? words - first : ROW_WORDS;
    const int8_t *codes = panel + 4 * CK_PANEL * first;
    if (!widens) NAME(widen)(wide, codes, count);
    for (size_t tile = 0, row = 0; tile < tiles; tile++) {
      // As equal as can be.
      const size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
      for (size_t r = 0; r < rows; r++)
        NAME(split)(pairs[r], a + (row + r) * a_stride + 4 * first, count);
      for (size_t j = 0; j < n; j += sizeof(VECTOR) / 2) {
#define TILE(rows, widens)                                                                     \
  case rows:                                                                                   \
    NAME(tile)(sums + row * sums_stride + j, sums_stride, pairs[0], codes + 4 * j,             \
               wide + 4 * j / sizeof(VECTOR), rows, widens, n - j, count, first == 0);         \
    break;
        if (widens)
          switch (rows) {
            TILE(1, true) TILE(2, true) TILE(3, true) TILE(4, true) TILE(5, true) TILE(6, true)
          }
        else
          switch (rows) {
            TILE(1, false) TILE(2, false) TILE(3, false) TILE(4, false) TILE(5, false)
            TILE(6, false)
          }
#undef TILE
      }
      row += rows;
    }
  }
}

#undef NAME
#undef TARGET
#undef VECTOR
#undef LOAD
#undef OP
#undef ROW_WORDS
#undef TALLEST_TILE
#undef FEW
#undef ROW_VECTORS
