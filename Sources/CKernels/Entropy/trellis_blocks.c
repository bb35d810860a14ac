#include "rans.h"

// The machine of ck_trellis.h forwards, a byte a chain: v = 2k + q.

enum { QUANTISERS = 2, HEAD = 4 };

static inline uint8_t next_state(uint8_t state, int k) {
  return (uint8_t)(state >> 1 ^ (-(state & 1) & 24) ^ (-(k & 1) & 5));
}

// Whether every chain is a path: each code is as odd as its state.
static inline __attribute__((always_inline)) bool check_body(const int8_t *codes, size_t count,
                                                             size_t columns, uint8_t *state) {
  __builtin_memset(state, 0, columns);
  while (count > 0) {
    size_t run = columns < count ? columns : count;
    uint8_t strange = 0;
    for (size_t i = 0; i < run; i++) {
      int8_t v = codes[i];
      strange |= (uint8_t)(((v ^ state[i]) & 1) | (v == -128));
      state[i] = next_state(state[i], v >> 1);
    }
    if (strange) return false;
    codes += run;
    count -= run;
  }
  return true;
}

#define PARAMETERS (const int8_t *codes, size_t count, size_t columns, uint8_t *state)
#define ARGUMENTS (codes, count, columns, state)
static bool check_scalar PARAMETERS { return check_body ARGUMENTS; }
#if defined(__x86_64__)
__attribute__((target("avx2"))) static bool check_avx2 PARAMETERS { return check_body ARGUMENTS; }
#endif

bool ck_trellis_check(const int8_t *codes, size_t count, size_t columns, void *scratch,
                      CKInstructionSet isa) {
#if defined(__x86_64__)
  if (isa != CKInstructionSetScalar) return check_avx2(codes, count, columns, scratch);
#else
  (void)isa;
#endif
  return check_scalar(codes, count, columns, scratch);
}

size_t ck_trellis_bound(size_t count) { return HEAD + 2 + 2 * 256 + ck_rans_bound(count); }

size_t ck_trellis_encode(const int8_t *codes, size_t count, size_t columns,
                         void *scratch, uint8_t *bytes, CKInstructionSet isa) {
  if (!ck_trellis_check(codes, count, columns, scratch, isa)) return 0;
  store16(bytes, (uint32_t)columns);
  store16(bytes + 2, (uint32_t)columns >> 16);
  uint8_t *to = bytes + HEAD;
  size_t counts[256];
  ck_rans_count(codes, count, counts);
  // A code tells its quantiser, so one model of all codes holds both tables.
  Model model;
  for (int q = 0; q < QUANTISERS; q++) {
    size_t symbols[256] = {0};
    for (int k = -64; k < 64; k++) symbols[k + 128] = counts[2 * k + q + 128];
    Model part;
    size_t used = write_table(symbols, &part, to);
    if (used == 0) return 0;
    to += used;
    for (int k = -64; k < 64; k++) {
      model.frequencies[2 * k + q + 128] = part.frequencies[k + 128];
      model.starts[2 * k + q + 128] = part.starts[k + 128];
    }
  }
  uint8_t *end = bytes + ck_trellis_bound(count);
  return (size_t)(rans_encode_lanes(&model, codes, count, to, end, isa) - bytes);
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
  *p->code++ = (int8_t)(2 * k + q);
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
      uint32_t renormalised = x << 16 | load16(word);
      word += x < LOWEST ? 2 : 0;
      p->states[lane] = x < LOWEST ? renormalised : x;
    }
    p->word = word;
    int8_t *code = p->code;
    for (int lane = 0; lane < LANES; lane++) {
      code[lane] = (int8_t)(2 * k[lane] + (paths[lane] & 1));
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
// next_state of 32 chains.
__attribute__((target("avx2"))) static inline __m256i next_states(__m256i path, __m256i k) {
  const __m256i one = _mm256_set1_epi8(1);
  __m256i half = _mm256_and_si256(_mm256_srli_epi16(path, 1), _mm256_set1_epi8(15));
  __m256i q = _mm256_cmpeq_epi8(_mm256_and_si256(path, one), one);
  __m256i odd = _mm256_cmpeq_epi8(_mm256_and_si256(k, one), one);
  return _mm256_xor_si256(half, _mm256_xor_si256(_mm256_and_si256(q, _mm256_set1_epi8(24)),
                                                 _mm256_and_si256(odd, _mm256_set1_epi8(5))));
}

__attribute__((target("avx2,avx512f,avx512bw,avx512vl"))) static void decode_rounds_avx512(
    Progress *p) {
  const __m512i slots = _mm512_set1_epi32(SLOTS - 1);
  const __m256i one = _mm256_set1_epi8(1);
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
      next[v] = decode_step_avx512(x[v], entry);
    }
    __m256i k = _mm256_set_m128i(bytes[1], bytes[0]);
    __m256i code = _mm256_or_si256(_mm256_add_epi8(k, k), q);
    _mm256_storeu_si256((__m256i *)p->code, code);
    _mm256_storeu_si256(at, next_states(path, k));
    for (int v = 0; v < 2; v++) x[v] = renormalised_avx512(next[v], &p->word);
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
  _mm512_storeu_si512(p->states, x[0]);
  _mm512_storeu_si512(p->states + 16, x[1]);
}

__attribute__((target("avx2"))) static void decode_rounds_avx2(Progress *p) {
  uint8_t places[256][8];
  word_places(places);
  const __m256i slots = _mm256_set1_epi32(SLOTS - 1);
  const __m256i one = _mm256_set1_epi8(1);
  const __m256i bytes = _mm256_set_epi32(0, 0, 0, 0, 0, 0, 4, 0);
  const __m256i first = _mm256_setr_epi8(
      0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1,
      -1, -1, -1, -1, -1, -1, -1);
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
      x[v] = renormalised_avx2(decode_step_avx2(x[v], entry), places, &p->word);
    }
    __m256i path = _mm256_loadu_si256((const __m256i *)at), q = _mm256_and_si256(path, one);
    __m256i k = _mm256_loadu_si256((const __m256i *)p->code);
    __m256i code = _mm256_or_si256(_mm256_add_epi8(k, k), q);
    _mm256_storeu_si256((__m256i *)p->code, code);
    _mm256_storeu_si256((__m256i *)at, next_states(path, k));
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
  for (int v = 0; v < 4; v++) _mm256_storeu_si256((__m256i *)(p->states + 8 * v), x[v]);
}
#elif defined(__aarch64__)
// next_state of 16 chains.
static inline uint8x16_t next_states_neon(uint8x16_t path, uint8x16_t k) {
  const uint8x16_t one = vdupq_n_u8(1);
  return veorq_u8(vshrq_n_u8(path, 1), veorq_u8(vandq_u8(vtstq_u8(path, one), vdupq_n_u8(24)),
                                                vandq_u8(vtstq_u8(k, one), vdupq_n_u8(5))));
}

static void decode_rounds_neon(Progress *p) {
  uint8_t bytes[16][16];
  word_bytes(bytes);
  uint32x4_t x[LANES / 4];
  for (int v = 0; v < LANES / 4; v++) x[v] = vld1q_u32(p->states + 4 * v);
  while (has_round(p) && p->columns - p->column >= LANES) {
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++) {
      uint8_t *at = p->paths + p->column + 16 * half;
      const uint8x16_t path = vld1q_u8(at), q = vandq_u8(path, vdupq_n_u8(1));
      const uint16x8_t low = vmovl_u8(vget_low_u8(q)), high = vmovl_high_u8(q);
      const uint32x4_t odd[4] = {vmovl_u16(vget_low_u16(low)), vmovl_high_u16(low),
                                 vmovl_u16(vget_low_u16(high)), vmovl_high_u16(high)};
      uint32x4_t entries[4];
      for (int v = 0; v < 4; v++) {
        uint32x4_t *state = x + 4 * half + v;
        const uint32x4_t slot = vandq_u32(*state, vdupq_n_u32(SLOTS - 1));
        entries[v] = entries_neon(p->table, vsliq_n_u32(slot, odd[v], SCALE));
        *state = decode_step_neon(*state, entries[v]);
      }
      const uint8x16_t k = symbols_neon(entries);
      vst1q_s8(p->code + 16 * half, vreinterpretq_s8_u8(vsliq_n_u8(q, k, 1)));
      vst1q_u8(at, next_states_neon(path, k));
    }
    for (int v = 0; v < LANES / 4; v++) x[v] = renormalised_neon(x[v], bytes, &p->word);
    p->code += LANES;
    p->left -= LANES;
    p->column = p->column + LANES < p->columns ? p->column + LANES : 0;
  }
  for (int v = 0; v < LANES / 4; v++) vst1q_u32(p->states + 4 * v, x[v]);
}
#endif

static void decode_rounds(Progress *p, CKInstructionSet isa) {
  switch (isa) {
#if defined(__x86_64__)
  case CKInstructionSetAVXVNNI:
  case CKInstructionSetAVX2: return decode_rounds_avx2(p);
  case CKInstructionSetAVX512:
  case CKInstructionSetAVX512VNNI: return decode_rounds_avx512(p);
#elif defined(__aarch64__)
  case CKInstructionSetNEONI8MM:
  case CKInstructionSetNEONDotProd:
  case CKInstructionSetNEON: return decode_rounds_neon(p);
#endif
  default: return decode_rounds_scalar(p);
  }
}

// Reads the tables, whose symbols must stand for codes from −127 to 127.
static size_t read_tables(const uint8_t *bytes, size_t size, uint32_t *table) {
  size_t used = HEAD;
  for (int q = 0; q < QUANTISERS; q++) {
    size_t more = read_table(bytes + used, size - used, table + q * SLOTS);
    if (more == 0 || bytes[used] < 128 - 63 - q || bytes[used + 1] > 128 + 63) return 0;
    used += more;
  }
  return used;
}

int ck_trellis_decode(const uint8_t *bytes, size_t size, int8_t *codes, size_t count,
                      void *scratch, CKInstructionSet isa) {
  if (size < HEAD) return 4;
  Progress p = {.end = bytes + size, .code = codes, .left = count, .paths = scratch};
  p.columns = load32(bytes);
  if (p.columns == 0 || p.columns > count) return 4;
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
