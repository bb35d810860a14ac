#include "rans.h"

// The machine of ck_trellis.h forwards, a byte a chain: quantisers, steps from v to k and from state
// to state, all without a branch.

enum { QUANTISERS = 2 };

static inline int sign(int x) { return (x > 0) - (x < 0); }

static inline uint8_t next_state(uint8_t state, int k) {
  return (uint8_t)(state >> 1 ^ (-(state & 1) & 29) ^ (-(k & 1) & 5));
}

// The quantiser that each of the codes met; whether each is one of its quantiser's.
static inline __attribute__((always_inline)) bool parse_body(const int8_t *codes, size_t count,
                                                             size_t columns, size_t column,
                                                             uint8_t *states, uint8_t *quantisers) {
  __builtin_memset(states, 0, columns);
  while (count > 0) {
    size_t run = columns - column < count ? columns - column : count;
    uint8_t *state = states + column, strange = 0;
    for (size_t i = 0; i < run; i++) {
      uint8_t q = state[i] & 1;
      int8_t v = codes[i], twice = (int8_t)(v + q * ((v > 0) - (v < 0)));
      strange |= (uint8_t)((twice & 1) | (v == -128));
      quantisers[i] = q;
      state[i] = next_state(state[i], twice >> 1);
    }
    if (strange) return false;
    codes += run;
    quantisers += run;
    count -= run;
    column = 0;
  }
  return true;
}

#define PARAMETERS                                                                             \
  (const int8_t *codes, size_t count, size_t columns, size_t column, uint8_t *states,          \
   uint8_t *quantisers)
#define ARGUMENTS (codes, count, columns, column, states, quantisers)
static bool parse_scalar PARAMETERS { return parse_body ARGUMENTS; }
#if defined(__x86_64__)
__attribute__((target("avx2"))) static bool parse_avx2 PARAMETERS { return parse_body ARGUMENTS; }
#endif

static bool parse(const int8_t *codes, size_t count, size_t columns, size_t column,
                  uint8_t *scratch, CKInstructionSet isa) {
#if defined(__x86_64__)
  if (isa != CKInstructionSetScalar)
    return parse_avx2(codes, count, columns, column, scratch + count, scratch);
#endif
  return parse_scalar(codes, count, columns, column, scratch + count, scratch);
}

static void tally(const int8_t *codes, const uint8_t *quantisers, size_t count, size_t *counts) {
  // Two tables, so that equal neighbours do not wait for one another.
  uint32_t parts[2][256 * QUANTISERS] = {{0}};
  for (size_t i = 0; i < count; i++) parts[i % 2][256 * quantisers[i] + codes[i] + 128]++;
  for (int s = 0; s < 256 * QUANTISERS; s++) counts[s] = (size_t)parts[0][s] + parts[1][s];
}

bool ck_trellis_count(const int8_t *codes, size_t count, size_t columns, size_t first,
                      void *scratch, size_t *counts, CKInstructionSet isa) {
  if (!parse(codes, count, columns, first, scratch, isa)) return false;
  tally(codes, scratch, count, counts);
  return true;
}

size_t ck_trellis_bound(size_t count) { return 8 + 2 + 2 * 256 + ck_rans_bound(count); }

static int symbol_of(int v, int quantiser) { return (v + quantiser * sign(v)) / 2 + 128; }

static void store32(uint8_t *to, size_t value) {
  store16(to, (uint32_t)value);
  store16(to + 2, (uint32_t)value >> 16);
}

size_t ck_trellis_encode(const int8_t *codes, size_t count, size_t columns, size_t first,
                         void *scratch, uint8_t *bytes, CKInstructionSet isa) {
  size_t counts[256 * QUANTISERS];
  if (!ck_trellis_count(codes, count, columns, first, scratch, counts, isa)) return 0;
  store32(bytes, columns);
  store32(bytes + 4, first);
  uint8_t *to = bytes + 8;
  Model models[QUANTISERS];
  for (int q = 0; q < QUANTISERS; q++) {
    size_t symbols[256] = {0};
    for (int v = -127; v <= 127; v++) symbols[symbol_of(v, q)] += counts[256 * q + v + 128];
    size_t used = write_table(symbols, &models[q], to);
    if (used == 0) return 0;
    to += used;
  }
  const uint8_t *quantisers = scratch;
  // Back to front, as the last in is the first out; the words grow down from the end.
  uint32_t states[LANES];
  for (int lane = 0; lane < LANES; lane++) states[lane] = LOWEST;
  uint8_t *end = bytes + ck_trellis_bound(count), *word = end;
  for (size_t i = count; i-- > 0;) {
    int q = quantisers[i];
    word = push(&models[q], symbol_of(codes[i], q), &states[i % LANES], word);
  }
  return (size_t)(close_lanes(states, to, word, end) - bytes);
}

typedef struct {
  const uint8_t *word, *end;
  int8_t *code;
  size_t left, columns, column;
  // Of the machine, a chain each; of the coder, a lane each.
  uint8_t *paths;
  uint32_t states[LANES];
  // A slot's entry as read_table makes it, of the quantisers one after the other.
  uint32_t table[QUANTISERS * SLOTS];
} Progress;

// Decodes one code from the state of its lane, before that takes a word.
static inline __attribute__((always_inline)) uint32_t decode_one(Progress *p, uint32_t x) {
  uint8_t path = p->paths[p->column];
  int q = path & 1;
  uint32_t entry = p->table[q * SLOTS + (x & (SLOTS - 1))];
  int k = (int8_t)entry;
  *p->code++ = (int8_t)(2 * k - q * sign(k));
  p->paths[p->column] = next_state(path, k);
  p->column = p->column + 1 < p->columns ? p->column + 1 : 0;
  return (entry >> 20) * (x >> SCALE) + (entry >> 8 & (SLOTS - 1));
}

static inline bool has_round(const Progress *p) {
  return p->left >= LANES && p->end - p->word >= 2 * LANES;
}

// Rounds of 32 codes of as many columns side by side.
static void decode_rounds_scalar(Progress *p) {
  while (has_round(p) && p->columns - p->column >= LANES) {
    uint8_t *path = p->paths + p->column, paths[LANES];
    int8_t k[LANES];
    const uint8_t *word = p->word;
    __builtin_memcpy(paths, path, LANES);
    for (int lane = 0; lane < LANES; lane++) {
      uint32_t x = p->states[lane], slot = x & (SLOTS - 1);
      uint32_t entry = p->table[(paths[lane] & 1) * SLOTS + slot];
      k[lane] = (int8_t)entry;
      x = (entry >> 20) * (x >> SCALE) + (entry >> 8 & (SLOTS - 1));
      uint32_t fed = x << 16 | load16(word);
      word += x < LOWEST ? 2 : 0;
      p->states[lane] = x < LOWEST ? fed : x;
    }
    p->word = word;
    int8_t *code = p->code;
    for (int lane = 0; lane < LANES; lane++) {
      code[lane] = (int8_t)(2 * k[lane] - (paths[lane] & 1) * ((k[lane] > 0) - (k[lane] < 0)));
      path[lane] = next_state(paths[lane], k[lane]);
    }
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
}

// A round whose columns are not side by side.
static void decode_round(Progress *p) {
  for (int lane = 0; lane < LANES; lane++) {
    uint32_t x = decode_one(p, p->states[lane]);
    if (x < LOWEST) {
      x = x << 16 | load16(p->word);
      p->word += 2;
    }
    p->states[lane] = x;
  }
  p->left -= LANES;
}

// The last codes: 0, or 2 when the words end before they do.
static int decode_rest(Progress *p) {
  for (size_t i = 0; p->left > 0; i++, p->left--) {
    uint32_t x = decode_one(p, p->states[i % LANES]);
    if (x < LOWEST) {
      if (p->end - p->word < 2) return 2;
      x = x << 16 | load16(p->word);
      p->word += 2;
    }
    p->states[i % LANES] = x;
  }
  return 0;
}

#if defined(__x86_64__)
__attribute__((target("avx2,avx512f,avx512bw,avx512vl"))) static void decode_rounds_avx512(
    Progress *p) {
  const __m512i slots = _mm512_set1_epi32(SLOTS - 1), lowest = _mm512_set1_epi32(1 << 16);
  const __m256i one = _mm256_set1_epi8(1), low = _mm256_set1_epi8(15);
  uint8_t moves[16];
  for (int s = 0; s < 16; s++) moves[s] = next_state((uint8_t)s, 0);
  const __m256i moved = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)moves));
  __m512i x[2] = {_mm512_loadu_si512(p->states), _mm512_loadu_si512(p->states + 16)};
  while (has_round(p) && p->columns - p->column >= LANES) {
    __m256i *at = (__m256i *)(p->paths + p->column), path = _mm256_loadu_si256(at);
    __m256i q = _mm256_and_si256(path, one);
    __m128i bytes[2], odd[2] = {_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1)};
    __m512i next[2];
    for (int v = 0; v < 2; v++) {
      __m512i second = _mm512_slli_epi32(_mm512_cvtepu8_epi32(odd[v]), SCALE);
      __m512i slot = _mm512_or_si512(_mm512_and_si512(x[v], slots), second);
      __m512i entry = _mm512_i32gather_epi32(slot, p->table, 4);
      bytes[v] = _mm512_cvtepi32_epi8(entry);
      next[v] = _mm512_add_epi32(
          _mm512_mullo_epi32(_mm512_srli_epi32(entry, 20), _mm512_srli_epi32(x[v], SCALE)),
          _mm512_and_si512(_mm512_srli_epi32(entry, 8), slots));
    }
    __m256i k = _mm256_set_m128i(bytes[1], bytes[0]);
    __m256i code = _mm256_sub_epi8(_mm256_add_epi8(k, k), _mm256_sign_epi8(q, k));
    _mm256_storeu_si256((__m256i *)p->code, code);
    // The move of the low 4 bits, of the fifth, and of an odd k.
    __m256i fifth = _mm256_and_si256(_mm256_srli_epi16(path, 1), _mm256_set1_epi8(8));
    __m256i parity = _mm256_and_si256(k, one);
    __m256i five = _mm256_or_si256(parity, _mm256_slli_epi16(parity, 2));
    path = _mm256_xor_si256(_mm256_shuffle_epi8(moved, _mm256_and_si256(path, low)), fifth);
    _mm256_storeu_si256(at, _mm256_xor_si256(path, five));
    for (int v = 0; v < 2; v++) {
      __mmask16 hungry = _mm512_cmplt_epu32_mask(next[v], lowest);
      __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p->word));
      __m512i fed = _mm512_or_si512(
          _mm512_slli_epi32(next[v], 16), _mm512_maskz_expand_epi32(hungry, words));
      x[v] = _mm512_mask_mov_epi32(next[v], hungry, fed);
      p->word += 2 * __builtin_popcount(hungry);
    }
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
  _mm512_storeu_si512(p->states, x[0]);
  _mm512_storeu_si512(p->states + 16, x[1]);
}

__attribute__((target("avx2"))) static void decode_rounds_avx2(Progress *p) {
  // For each set of lanes that take a word, which word each lane takes.
  uint8_t places[256][8];
  for (int set = 0; set < 256; set++)
    for (int lane = 0, taken = 0; lane < 8; lane++) {
      places[set][lane] = (uint8_t)taken;
      taken += set >> lane & 1;
    }
  const __m256i slots = _mm256_set1_epi32(SLOTS - 1), words_only = _mm256_set1_epi32(0xffff);
  const __m256i one = _mm256_set1_epi8(1), low = _mm256_set1_epi8(15);
  const __m256i bytes = _mm256_set_epi32(0, 0, 0, 0, 0, 0, 4, 0);
  const __m256i first = _mm256_setr_epi8(
      0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1,
      -1, -1, -1, -1, -1, -1, -1);
  uint8_t moves[16];
  for (int s = 0; s < 16; s++) moves[s] = next_state((uint8_t)s, 0);
  const __m256i moved = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)moves));
  __m256i x[4];
  for (int v = 0; v < 4; v++) x[v] = _mm256_loadu_si256((const __m256i *)(p->states + 8 * v));
  while (has_round(p) && p->columns - p->column >= LANES) {
    uint8_t *at = p->paths + p->column;
    for (int v = 0; v < 4; v++) {
      __m256i q = _mm256_and_si256(
          _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(at + 8 * v))),
          _mm256_set1_epi32(1));
      __m256i slot =
          _mm256_or_si256(_mm256_and_si256(x[v], slots), _mm256_slli_epi32(q, SCALE));
      __m256i entry = _mm256_i32gather_epi32((const int *)p->table, slot, 4);
      __m256i k = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(entry, first), bytes);
      _mm_storel_epi64((__m128i *)(p->code + 8 * v), _mm256_castsi256_si128(k));
      __m256i next = _mm256_add_epi32(
          _mm256_mullo_epi32(_mm256_srli_epi32(entry, 20), _mm256_srli_epi32(x[v], SCALE)),
          _mm256_and_si256(_mm256_srli_epi32(entry, 8), slots));
      __m256i hungry =
          _mm256_cmpeq_epi32(_mm256_andnot_si256(words_only, next), _mm256_setzero_si256());
      unsigned set = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(hungry));
      __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p->word));
      __m256i place = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)places[set]));
      __m256i fed = _mm256_or_si256(
          _mm256_slli_epi32(next, 16), _mm256_permutevar8x32_epi32(words, place));
      x[v] = _mm256_blendv_epi8(next, fed, hungry);
      p->word += 2 * __builtin_popcount(set);
    }
    __m256i path = _mm256_loadu_si256((const __m256i *)at), q = _mm256_and_si256(path, one);
    __m256i k = _mm256_loadu_si256((const __m256i *)p->code);
    __m256i code = _mm256_sub_epi8(_mm256_add_epi8(k, k), _mm256_sign_epi8(q, k));
    _mm256_storeu_si256((__m256i *)p->code, code);
    __m256i fifth = _mm256_and_si256(_mm256_srli_epi16(path, 1), _mm256_set1_epi8(8));
    __m256i parity = _mm256_and_si256(k, one);
    __m256i five = _mm256_or_si256(parity, _mm256_slli_epi16(parity, 2));
    path = _mm256_xor_si256(_mm256_shuffle_epi8(moved, _mm256_and_si256(path, low)), fifth);
    _mm256_storeu_si256((__m256i *)at, _mm256_xor_si256(path, five));
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
  for (int v = 0; v < 4; v++) _mm256_storeu_si256((__m256i *)(p->states + 8 * v), x[v]);
}
#endif

static void decode_rounds(Progress *p, CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVX2: return decode_rounds_avx2(p);
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX512VNNI: return decode_rounds_avx512(p);
#endif
  default: return decode_rounds_scalar(p);
  }
}

// Reads the tables, whose symbols must stand for codes from −127 to 127.
static size_t read_tables(const uint8_t *bytes, size_t size, uint32_t *table) {
  size_t used = 8;
  for (int q = 0; q < QUANTISERS; q++) {
    size_t more = read_table(bytes + used, size - used, table + q * SLOTS);
    if (more == 0 || bytes[used] < 128 - 63 - q || bytes[used + 1] > 128 + 63 + q) return 0;
    used += more;
  }
  return used;
}

int ck_trellis_decode(const uint8_t *bytes, size_t size, int8_t *codes, size_t count,
                      void *scratch, CKInstructionSet isa) {
  if (size < 8) return 4;
  Progress p = {.end = bytes + size, .code = codes, .left = count, .paths = scratch};
  p.columns = load32(bytes);
  p.column = load32(bytes + 4);
  if (p.columns > count || p.column >= p.columns) return 4;
  size_t used = read_tables(bytes, size, p.table);
  if (used == 0) return 1;
  if (size - used < 4 * LANES) return 2;
  p.word = bytes + used + 4 * LANES;
  for (int lane = 0; lane < LANES; lane++) p.states[lane] = load32(bytes + used + 4 * lane);
  __builtin_memset(p.paths, 0, p.columns);
  while (has_round(&p)) {
    if (p.columns >= LANES) decode_rounds(&p, isa);
    if (has_round(&p)) decode_round(&p);
  }
  int status = decode_rest(&p);
  if (status != 0) return status;
  if (p.word != p.end) return 3;
  for (int lane = 0; lane < LANES; lane++)
    if (p.states[lane] != LOWEST) return 3;
  return 0;
}
