// Products of rows with a side of a panel, word by word: each vector of weights is a word of 4
// columns, to be multiplied by a word of a row. Included once for each instruction set and kind of
// operands, hence without a guard, with
//   NAME(name), TARGET    a name of this version, and its functions' attribute;
//   Sum, Sums, Operands   a sum, a vector of 4, and a vector of 4 words of operands;
//   PITCH                 how many bytes words of a column lie apart;
//   TAKEN                 how many bytes of a row make a word;
//   OPERANDS(from, words) 1 word or 4 of a row;
//   MULTIPLY_ADD(sums, a, w, word)

enum { NAME(tallest) = 6 };

// The next word of 16 columns, times a word of each row.
#define VECTOR(word, c, next)                                                 \
  {                                                                           \
    const Operands now = w;                                                   \
    memcpy(&w, side + next, sizeof w);                                        \
    for (int r = 0; r < rows; r++) {                                          \
      s[r][c] = MULTIPLY_ADD(s[r][c], a[r], now, word);                       \
      __asm__ volatile("" : "+w"(s[r][c])::"memory");                         \
    }                                                                         \
  }
#define WORD(word, next)                                                      \
  VECTOR(word, 0, word * PITCH + 16)                                          \
  VECTOR(word, 1, word * PITCH + 32)                                          \
  VECTOR(word, 2, word * PITCH + 48)                                          \
  VECTOR(word, 3, next)

// 4 words. Each vector is loaded while that before it is used; the barriers keep compilers from
// loading more of them ahead than there are registers for.
TARGET NEON_INLINE void NAME(add_words)(Sums (*s)[4], const Operands *a, const char *side,
                                        const int rows) {
  Operands w;
  memcpy(&w, side, sizeof w);
  WORD(0, PITCH)
  WORD(1, 2 * PITCH)
  WORD(2, 3 * PITCH)
  WORD(3, 3 * PITCH)
}

// 1 word.
TARGET NEON_INLINE void NAME(add_word)(Sums (*s)[4], const Operands *a, const char *side,
                                       const int rows) {
  Operands w;
  memcpy(&w, side, sizeof w);
  WORD(0, 0)
}

// To the first n columns of `sums`, which begin with those in `first`. The rows of a lie `a_stride`
// bytes apart. Meanwhile fetches `ahead` bytes from `next` on for each 4 words.
TARGET NEON_INLINE void NAME(tile)(Sum *sums, size_t sums_stride, const char *a, size_t a_stride,
                                   const char *side, const Sum *first, const int rows, size_t n,
                                   size_t words, const char *next, size_t ahead) {
  Sums s[NAME(tallest)][4];
  Operands u[NAME(tallest)];
  for (int r = 0; r < rows; r++) memcpy(s[r], first, sizeof s[r]);
  for (; words >= 4; words -= 4, a += 4 * TAKEN, side += 4 * PITCH, next += ahead) {
    for (size_t x = 0; x < ahead; x += 64) __builtin_prefetch(next + x);
    for (int r = 0; r < rows; r++) u[r] = OPERANDS(a + (size_t)r * a_stride, 4);
    NAME(add_words)(s, u, side, rows);
  }
  for (; words > 0; words--, a += TAKEN, side += PITCH) {
    for (int r = 0; r < rows; r++) u[r] = OPERANDS(a + (size_t)r * a_stride, 1);
    NAME(add_word)(s, u, side, rows);
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
                                       size_t a_stride, const void *side, CKAhead ahead_of,
                                       const Sum *first, size_t m, size_t n, size_t words) {
  const size_t tiles = (m + NAME(tallest) - 1) / NAME(tallest), steps = tiles * (words / 4);
  const size_t ahead = steps ? (ahead_of.bytes + steps - 1) / steps : 0;
  const char *from = a, *next = ahead_of.next;
  for (size_t tile = 0, row = 0; tile < tiles; tile++) {
    // As equal as can be: 77 rows are 12 times 6 and once 5.
    const size_t rows = (m - row + tiles - tile - 1) / (tiles - tile);
    switch (rows) {
#define ROWS(count)                                                                           \
  case count:                                                                                 \
    NAME(tile)(sums, sums_stride, from, a_stride, side, first, count, n, words, next, ahead); \
    break;
      ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
#undef ROWS
    }
    row += rows;
    sums += rows * sums_stride;
    from += rows * a_stride;
    next += ahead * (words / 4);
  }
}

#undef NAME
#undef TARGET
#undef Sum
#undef Sums
#undef Operands
#undef PITCH
#undef TAKEN
#undef OPERANDS
#undef MULTIPLY_ADD
#undef VECTOR
#undef WORD
