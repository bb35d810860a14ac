// Products of rows with a side of a panel, 2 rows by 2 columns an instruction: a vector has 8 bytes
// of either row, and one of weights 8 bytes of either column. Included once for each kind of
// operands, hence without a guard, with
//   NAME(name), TARGET    a name of this version, and its functions' attribute;
//   Sum, Sums             a sum, and a vector of 4;
//   MULTIPLY_ADD(sums, a, w)

// 16 bytes of each row times 16 bytes of each column: first their first 8. The barriers are those
// of rows_neon.h.
TARGET NEON_INLINE void NAME(add_step)(Sums (*s)[8], const uint64x2_t *rows, const uint8_t *side,
                                       const int pairs) {
  uint8x16_t w = vld1q_u8(side), u[3], v[3];
  for (int p = 0; p < pairs; p++) {
    u[p] = vreinterpretq_u8_u64(vzip1q_u64(rows[2 * p], rows[2 * p + 1]));
    v[p] = vreinterpretq_u8_u64(vzip2q_u64(rows[2 * p], rows[2 * p + 1]));
    __asm__ volatile("" : "+w"(u[p]), "+w"(v[p]));
  }
#define VECTOR(c, u, next)                                                    \
  {                                                                           \
    const uint8x16_t now = w;                                                 \
    w = vld1q_u8(side + next);                                                \
    for (int p = 0; p < pairs; p++) {                                         \
      s[p][c] = MULTIPLY_ADD(s[p][c], u[p], now);                             \
      __asm__ volatile("" : "+w"(s[p][c])::"memory");                         \
    }                                                                         \
  }
#define HALF(u, start, next)                                                  \
  VECTOR(0, u, start + 32)                                                    \
  VECTOR(1, u, start + 64)                                                    \
  VECTOR(2, u, start + 96)                                                    \
  VECTOR(3, u, start + 128)                                                   \
  VECTOR(4, u, start + 160)                                                   \
  VECTOR(5, u, start + 192)                                                   \
  VECTOR(6, u, start + 224)                                                   \
  VECTOR(7, u, next)
  HALF(u, 0, 16)
  HALF(v, 16, 240)
#undef HALF
#undef VECTOR
}

// Up to 3 pairs of rows times 16 columns, to the first n columns of `sums`, or added to them; of
// the last pair the second row may be missing. The rows of a have `bytes` bytes and lie `a_stride`
// bytes apart. Meanwhile fetches `ahead` bytes from `next` on for each 16.
TARGET NEON_INLINE void NAME(tile)(Sum *sums, size_t sums_stride, const uint8_t *a,
                                   size_t a_stride, const uint8_t *side, const int pairs,
                                   size_t rows, size_t n, size_t bytes, bool adding,
                                   const char *next, size_t ahead) {
  Sums s[3][8];
  uint64x2_t u[6];
  const uint8_t *last = a + (rows - 1) * a_stride;
  for (int p = 0; p < pairs; p++)
    for (int c = 0; c < 8; c++) s[p][c] = (Sums){0};
#define ROW(r) ((r) + 1 < 2 * pairs ? a + (size_t)(r) * a_stride : last)
  size_t i = 0;
  for (; i + 16 <= bytes; i += 16, side += 16 * SIDE, next += ahead) {
    for (size_t x = 0; x < ahead; x += 64) __builtin_prefetch(next + x);
    for (int r = 0; r < 2 * pairs; r++) u[r] = vreinterpretq_u64_u8(vld1q_u8(ROW(r) + i));
    NAME(add_step)(s, u, side, pairs);
  }
  if (i < bytes) {
    for (int r = 0; r < 2 * pairs; r++)
      u[r] = vreinterpretq_u64_u8(load_16(ROW(r) + i, bytes - i));
    NAME(add_step)(s, u, side, pairs);
  }
#undef ROW
  for (size_t r = 0; r < rows; r++, sums += sums_stride) {
    Sums row[4], before[4] = {{0}};
    for (int c = 0; c < 4; c++) {
      const Sums x = s[r / 2][2 * c], y = s[r / 2][2 * c + 1];
      row[c] = r % 2 == 0 ? __builtin_shufflevector(x, y, 0, 1, 4, 5)
                          : __builtin_shufflevector(x, y, 2, 3, 6, 7);
    }
    if (adding) memcpy(before, sums, n * sizeof *sums);
    for (int c = 0; c < 4; c++) row[c] += before[c];
    memcpy(sums, row, n * sizeof *sums);
  }
}

// All m rows of `a`.
TARGET static void NAME(multiply_side)(Sum *sums, size_t sums_stride, const void *a,
                                       size_t a_stride, const void *side, CKAhead ahead_of,
                                       size_t m, size_t n, size_t bytes, bool adding) {
  const size_t all = (m + 1) / 2, tiles = (all + 2) / 3;
  const size_t each = (bytes + 15) / 16, steps = tiles * each;
  const size_t ahead = steps ? (ahead_of.bytes + steps - 1) / steps : 0;
  const uint8_t *from = a;
  const char *next = ahead_of.next;
  for (size_t tile = 0, pair = 0; tile < tiles; tile++) {
    // As equal as can be: 50 rows are 7 times 3 pairs and twice 2.
    const size_t pairs = (all - pair + tiles - tile - 1) / (tiles - tile);
    const size_t rows = m - 2 * pair < 2 * pairs ? m - 2 * pair : 2 * pairs;
    switch (pairs) {
#define PAIRS(count)                                                                         \
  case count:                                                                                \
    NAME(tile)(sums, sums_stride, from, a_stride, side, count, rows, n, bytes, adding, next, \
               ahead);                                                                       \
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
