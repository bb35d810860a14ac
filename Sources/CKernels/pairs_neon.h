// Products of rows with a side of a panel, 2 rows by 2 columns an instruction: a vector has 8 bytes of
// either row, and one of weights 8 bytes of either column. Included once for each kind of operands,
// hence without a guard, with
//   NAME(name), TARGET    a name of this version, and its functions' attribute;
//   Sum, Sums             a sum, and a vector of 4;
//   MULTIPLY_ADD(sums, a, w)

// 16 bytes of each row times 16 bytes of each column: first their first 8.
TARGET NEON_INLINE void NAME(add_step)(Sums (*s)[8], const uint64x2_t *rows, const uint8_t *panel,
                                       const int pairs) {
  // As in rows_neon.h, where the reasons stand.
  uint8x16_t w = vld1q_u8(panel), u[3], v[3];
  for (int p = 0; p < pairs; p++) {
    u[p] = vreinterpretq_u8_u64(vzip1q_u64(rows[2 * p], rows[2 * p + 1]));
    v[p] = vreinterpretq_u8_u64(vzip2q_u64(rows[2 * p], rows[2 * p + 1]));
    __asm__ volatile("" : "+w"(u[p]), "+w"(v[p]));
  }
#define VECTOR(c, u, next)                                  \
  {                                                         \
    const uint8x16_t now = w;                               \
    w = vld1q_u8(panel + next);                             \
    for (int p = 0; p < pairs; p++) {                       \
      s[p][c] = MULTIPLY_ADD(s[p][c], u[p], now);           \
      __asm__ volatile("" : "+w"(s[p][c])::"memory");       \
    }                                                       \
  }
#define EIGHT(u, half, next)                                \
  VECTOR(0, u, half + 32)                                   \
  VECTOR(1, u, half + 64)                                   \
  VECTOR(2, u, half + 96)                                   \
  VECTOR(3, u, half + 128)                                  \
  VECTOR(4, u, half + 160)                                  \
  VECTOR(5, u, half + 192)                                  \
  VECTOR(6, u, half + 224)                                  \
  VECTOR(7, u, next)
  EIGHT(u, 0, 16)
  EIGHT(v, 16, 240)
#undef EIGHT
#undef VECTOR
}

// Up to 3 pairs of rows times 16 columns, to the first n columns of `sums`; of the last pair the
// second row may be missing. Strides and `bytes` are those of rows_neon.h.
TARGET NEON_INLINE void NAME(tile)(Sum *sums, size_t sums_stride, const uint8_t *a,
                                   size_t a_stride, const uint8_t *panel, const int pairs,
                                   size_t rows, size_t n, size_t bytes, const char *next,
                                   size_t ahead) {
  Sums s[3][8];
  uint64x2_t u[6];
  const uint8_t *last = a + (rows - 1) * a_stride;
  for (int p = 0; p < pairs; p++)
    for (int c = 0; c < 8; c++) s[p][c] = (Sums){0};
#define ROW(r) ((r) + 1 < 2 * pairs ? a + (size_t)(r) * a_stride : last)
  size_t i = 0;
  for (; i + STEP <= bytes; i += STEP, panel += SIDE * STEP, next += ahead) {
    for (size_t x = 0; x < ahead; x += 64) __builtin_prefetch(next + x);
    for (int r = 0; r < 2 * pairs; r++) u[r] = vreinterpretq_u64_u8(vld1q_u8(ROW(r) + i));
    NAME(add_step)(s, u, panel, pairs);
  }
  if (i < bytes) {
    for (int r = 0; r < 2 * pairs; r++)
      u[r] = vreinterpretq_u64_u8(load_16(ROW(r) + i, bytes - i));
    NAME(add_step)(s, u, panel, pairs);
  }
#undef ROW
  for (int p = 0; p < pairs; p++, sums += 2 * sums_stride) {
    Sums upper[4], lower[4];
    for (int c = 0; c < 4; c++) {
      upper[c] = __builtin_shufflevector(s[p][2 * c], s[p][2 * c + 1], 0, 1, 4, 5);
      lower[c] = __builtin_shufflevector(s[p][2 * c], s[p][2 * c + 1], 2, 3, 6, 7);
    }
    memcpy(sums, upper, n * sizeof *sums);
    if (2 * (size_t)p + 1 < rows) memcpy(sums + sums_stride, lower, n * sizeof *sums);
  }
}

// All m rows of `a`, which are of so many bytes.
TARGET static void NAME(multiply_side)(Sum *sums, size_t sums_stride, const void *a,
                                       size_t a_stride, CKPanel panel, size_t m, size_t n,
                                       size_t bytes) {
  const size_t all = (m + 1) / 2, tiles = (all + 2) / 3;
  const size_t each = (bytes + STEP - 1) / STEP, steps = tiles * each;
  const size_t ahead = steps ? (panel.next_bytes + steps - 1) / steps : 0;
  const uint8_t *from = a;
  const char *next = panel.next;
  for (size_t tile = 0, pair = 0; tile < tiles; tile++) {
    // As equal as can be: 50 rows are 7 times 3 pairs and twice 2.
    const size_t pairs = (all - pair + tiles - tile - 1) / (tiles - tile);
    const size_t rows = m - 2 * pair < 2 * pairs ? m - 2 * pair : 2 * pairs;
    switch (pairs) {
#define PAIRS(count)                                                                          \
  case count:                                                                                 \
    NAME(tile)(sums, sums_stride, from, a_stride, panel.scratch, count, rows, n, bytes, next, \
               ahead);                                                                        \
    break;
      PAIRS(1) PAIRS(2) PAIRS(3)
#undef PAIRS
    }
    pair += pairs;
    sums += 2 * pairs * sums_stride;
    from += 2 * pairs * a_stride;
    next += ahead * each;
  }
}

#undef NAME
#undef TARGET
#undef Sum
#undef Sums
#undef MULTIPLY_ADD
