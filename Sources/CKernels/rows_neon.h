// Products of rows with a side of a panel, word by word: each vector of weights is a word of 4
// columns, to be multiplied by a word of a row. Included once for each instruction set and kind of
// operands, hence without a guard, with
//   NAME(name), TARGET    a name of this version, and its functions' attribute;
//   Sum, Sums, Operands   a sum, a vector of 4, and a vector of operands;
//   TAKEN                 how many bytes of a row make 4 words of operands;
//   OPERANDS(from, left)  these operands, when so many bytes are left;
//   MULTIPLY_ADD(sums, a, w, word)

enum { NAME(tallest) = 6 };

// 4 words of each row times 4 words of each column.
TARGET NEON_INLINE void NAME(add_step)(Sums (*s)[4], const Operands *a, const uint8_t *panel,
                                       const int rows) {
  // Each vector is loaded while that before it is used. The barriers keep compilers from loading
  // more of them ahead than there are registers for.
  Operands w;
  memcpy(&w, panel, sizeof w);
#define VECTOR(word, c, next)                                    \
  {                                                              \
    const Operands now = w;                                      \
    memcpy(&w, panel + next, sizeof w);                          \
    for (int r = 0; r < rows; r++) {                             \
      s[r][c] = MULTIPLY_ADD(s[r][c], a[r], now, word);          \
      __asm__ volatile("" : "+w"(s[r][c])::"memory");            \
    }                                                            \
  }
#define GROUP(c, next)                                           \
  VECTOR(0, c, 64 * c + 16)                                      \
  VECTOR(1, c, 64 * c + 32)                                      \
  VECTOR(2, c, 64 * c + 48)                                      \
  VECTOR(3, c, next)
  GROUP(0, 64)
  GROUP(1, 128)
  GROUP(2, 192)
  GROUP(3, 192)
#undef GROUP
#undef VECTOR
}

// To the first n columns of `sums`, which begin with those in `first`. The rows of a have so many
// bytes and lie `a_stride` bytes apart. Meanwhile fetches `ahead` bytes from `next` on for each step.
TARGET NEON_INLINE void NAME(tile)(Sum *sums, size_t sums_stride, const uint8_t *a,
                                   size_t a_stride, const uint8_t *panel, const Sum *first,
                                   const int rows, size_t n, size_t bytes, const char *next,
                                   size_t ahead) {
  Sums s[NAME(tallest)][4];
  Operands u[NAME(tallest)];
  for (int r = 0; r < rows; r++) memcpy(s[r], first, sizeof s[r]);
  size_t i = 0;
  for (; i + TAKEN <= bytes; i += TAKEN, panel += SIDE * STEP, next += ahead) {
    for (size_t x = 0; x < ahead; x += 64) __builtin_prefetch(next + x);
    for (int r = 0; r < rows; r++) u[r] = OPERANDS(a + (size_t)r * a_stride + i, TAKEN);
    NAME(add_step)(s, u, panel, rows);
  }
  if (i < bytes) {
    for (int r = 0; r < rows; r++) u[r] = OPERANDS(a + (size_t)r * a_stride + i, bytes - i);
    NAME(add_step)(s, u, panel, rows);
  }
  for (int r = 0; r < rows; r++, sums += sums_stride) {
    // Of a copy, so that the sums themselves stay in registers.
    const Sums row[4] = {s[r][0], s[r][1], s[r][2], s[r][3]};
    if (n == SIDE) memcpy(sums, row, sizeof row);
    else memcpy(sums, row, n * sizeof *sums);
  }
}

// All m rows of `a`.
TARGET static void NAME(multiply_side)(Sum *sums, size_t sums_stride, const void *a,
                                       size_t a_stride, CKPanel panel, const Sum *first, size_t m,
                                       size_t n, size_t bytes) {
  const size_t tiles = (m + NAME(tallest) - 1) / NAME(tallest);
  const size_t each = (bytes + TAKEN - 1) / TAKEN, steps = tiles * each;
  const size_t ahead = steps ? (panel.next_bytes + steps - 1) / steps : 0;
  const uint8_t *from = a;
  const char *next = panel.next;
  for (size_t tile = 0, row = 0; tile < tiles; tile++) {
    // As equal as can be: 77 rows are 12 times 6 and once 5.
    const size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
    switch (rows) {
#define ROWS(count)                                                                            \
  case count:                                                                                  \
    NAME(tile)(sums, sums_stride, from, a_stride, panel.scratch, first, count, n, bytes, next, \
               ahead);                                                                         \
    break;
      ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
#undef ROWS
    }
    row += rows;
    sums += rows * sums_stride;
    from += rows * a_stride;
    next += ahead * each;
  }
}

#undef NAME
#undef TARGET
#undef Sum
#undef Sums
#undef Operands
#undef TAKEN
#undef OPERANDS
#undef MULTIPLY_ADD
