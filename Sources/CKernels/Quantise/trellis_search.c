#ifndef LANES
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// A code must not depend on the processor that chose it: no fused multiply-add, and float32
// operations in the same order everywhere.
#pragma STDC FP_CONTRACT OFF

// The machine backwards: the two states before s use the quantiser s >> 4. An even k leads to s
// from EVEN(s), an odd one from ODD(s).
enum { STATES = 32, ZERO = 128, RESCALED = 32 };
#define EVEN(s) (((((s) & 15) ^ ((s) >> 4) * 8) << 1) | (s) >> 4)
#define ODD(s) (EVEN(s) ^ 10)
#define EACH(f, s)                                                                             \
  f(s), f(s + 1), f(s + 2), f(s + 3), f(s + 4), f(s + 5), f(s + 6), f(s + 7), f(s + 8), f(s + 9), \
      f(s + 10), f(s + 11), f(s + 12), f(s + 13), f(s + 14), f(s + 15)

// Of a state that no chain can be in; adding costs to it changes little.
static const float NEVER = 1e30f;

// At 1.5·2²³ a float's last bit is worth one: adding it rounds to a whole number, ties to even.
static const float WHOLE = 0x1.8p23f;

// The codes of one element: of each quantiser q and parity p of k the nearest, byte 2q + p of
// `codes`, and what it costs.
typedef struct {
  float costs[4];
  uint32_t codes;
} Choice;

// Such a set of codes is all those that are this mod 4, within ±127: 4·n + residue, n at most 31 or
// 32.
static const float RESIDUES[4] = {0, 2, 1, -1}, LEAST[4] = {-31, -32, -32, -31},
                   MOST[4] = {31, 31, 31, 32};

static Choice choose(float t, const float *costs) {
  Choice choice = {.codes = 0};
  t = t < 127 ? t : 127;
  t = t > -127 ? t : -127;
  for (int set = 0; set < 4; set++) {
    float n = ((t - RESIDUES[set]) * 0.25f + WHOLE) - WHOLE;
    n = n < MOST[set] ? n : MOST[set];
    n = n > LEAST[set] ? n : LEAST[set];
    float v = n * 4 + RESIDUES[set];
    choice.costs[set] = (t - v) * (t - v) + costs[ZERO + (int)v];
    choice.codes |= (uint32_t)(uint8_t)(int8_t)v << (8 * set);
  }
  return choice;
}

// What is kept of an element until its chain has ended: its codes, and for each state from which
// parity the cheapest path came.
typedef struct {
  uint32_t codes, odd;
} Step;

size_t ck_trellis_scratch(size_t rows) { return rows * 16 * sizeof(Step); }

static void trace_back(
    const Step *steps, size_t rows, unsigned state, int8_t *codes, size_t pitch) {
  for (size_t r = rows; r-- > 0;) {
    unsigned q = state >> 4, odd = steps[r].odd >> state & 1;
    codes[r * pitch] = (int8_t)(steps[r].codes >> (16 * q + 8 * odd));
    state = EVEN(state) ^ 10 * odd;
  }
}

static unsigned cheapest(const float *costs) {
  unsigned best = 0;
  for (unsigned s = 1; s < STATES; s++)
    if (costs[s] < costs[best]) best = s;
  return best;
}

static void search_one(const float *x, size_t stride, const float *inverse, size_t rows,
                       const float *costs, int8_t *codes, size_t pitch, Step *steps) {
  float paths[STATES], next[STATES];
  for (int s = 0; s < STATES; s++) paths[s] = s == 0 ? 0 : NEVER;
  for (size_t r = 0; r < rows; r++) {
    Choice choice = choose(x[r * stride] * inverse[r], costs);
    steps[r] = (Step){.codes = choice.codes, .odd = 0};
    for (unsigned s = 0; s < STATES; s++) {
      const float *set = choice.costs + 2 * (s >> 4);
      float even = paths[EVEN(s)] + set[0], odd = paths[ODD(s)] + set[1];
      next[s] = odd < even ? odd : even;
      if (odd < even) steps[r].odd |= 1u << s;
    }
    // Costs grow with the rows, and would lose their last bits.
    float base = r % RESCALED == RESCALED - 1 ? next[cheapest(next)] : 0;
    for (int s = 0; s < STATES; s++) paths[s] = next[s] - base;
  }
  trace_back(steps, rows, cheapest(paths), codes, pitch);
}

static void trellis_column_scalar(const float *x, const float *inverse, size_t rows,
                                  const float *costs, int8_t *codes, void *scratch) {
  search_one(x, 1, inverse, rows, costs, codes, 1, scratch);
}

static void trellis_scalar(const float *x, size_t stride, const float *inverse, size_t rows,
                           size_t columns, const float *costs, int8_t *codes, size_t pitch,
                           void *scratch) {
  for (size_t c = 0; c < columns; c++)
    search_one(x + c, stride, inverse, rows, costs, codes + c, pitch, scratch);
}

#define KERNEL "trellis_search.c"
#include "each_width.h"

void ck_trellis_search(const float *x, size_t stride, const float *inverse, size_t rows,
                       size_t columns, const float *costs, int8_t *codes, size_t pitch,
                       void *scratch, CKInstructionSet isa) {
  DISPATCH(isa, trellis, x, stride, inverse, rows, columns, costs, codes, pitch, scratch);
}

void ck_trellis_search_column(const float *x, const float *inverse, size_t rows,
                              const float *costs, int8_t *codes, void *scratch,
                              CKInstructionSet isa) {
  DISPATCH(isa, trellis_column, x, inverse, rows, costs, codes, scratch);
}

#else

// table[index[i]] of each lane.
INLINE Floats V(look_up)(const float *table, Ints index) {
#if LANES == 16
  return (Floats)_mm512_i32gather_ps((__m512i)index, table, 4);
#elif LANES == 8
  return (Floats)_mm256_i32gather_ps(table, (__m256i)index, 4);
#else
  Floats v;
  for (int i = 0; i < LANES; i++) v[i] = table[index[i]];
  return v;
#endif
}

// `choose` for LANES elements; returns the codes.
INLINE Ints V(choose)(Floats t, const float *costs, Floats *chosen) {
  Ints codes = {0};
  t = V(select)(t < 127, t, V(splat)(127));
  t = V(select)(t > -127, t, V(splat)(-127));
#pragma clang loop unroll(full)
  for (int set = 0; set < 4; set++) {
    Floats n = ((t - RESIDUES[set]) * 0.25f + WHOLE) - WHOLE;
    n = V(select)(n < MOST[set], n, V(splat)(MOST[set]));
    n = V(select)(n > LEAST[set], n, V(splat)(LEAST[set]));
    Floats v = n * 4 + RESIDUES[set];
    Ints code = __builtin_convertvector(v, Ints);
    chosen[set] = (t - v) * (t - v) + V(look_up)(costs + ZERO, code);
    codes |= (code & 255) << (8 * set);
  }
  return codes;
}

// Keeps the cheaper of two paths to state s.
INLINE void V(keep)(Floats even, Floats odd, int s, Floats *next, Ints *from_odd) {
  Ints is_odd = odd < even;
  next[s] = V(select)(is_odd, odd, even);
  *from_odd |= is_odd & (int32_t)(1u << s);
}

// Chains of LANES columns side by side.
static void V(trellis)(const float *x, size_t stride, const float *inverse, size_t rows,
                       size_t columns, const float *costs, int8_t *codes, size_t pitch,
                       void *scratch) {
  typedef struct {
    Ints codes, odd;
  } Steps;
  Steps *steps = scratch;
  for (size_t c = 0; c < columns; c += LANES) {
    size_t left = columns - c;
    Floats both[2][STATES], set[4], *paths = both[0];
    for (int s = 0; s < STATES; s++) paths[s] = V(splat)(s == 0 ? 0 : NEVER);
    for (size_t r = 0; r < rows; r++) {
      Floats t = V(load)(x + r * stride + c, left) * inverse[r], *next = both[~r & 1];
      steps[r].codes = V(choose)(t, costs, set);
      Ints from_odd = {0};
      // s and s ^ 5 have the same two states before them, with even and odd exchanged.
#pragma clang loop unroll(full)
      for (int s = 0; s < STATES; s++) {
        if (s & 1) continue;
        Floats a = paths[EVEN(s)], b = paths[ODD(s)];
        Floats even = set[2 * (s >> 4)], odd = set[2 * (s >> 4) + 1];
        V(keep)(a + even, b + odd, s, next, &from_odd);
        V(keep)(b + even, a + odd, s ^ 5, next, &from_odd);
      }
      steps[r].odd = from_odd;
      paths = next;
      if (r % RESCALED == RESCALED - 1) {
        Floats base = paths[0];
        for (int s = 1; s < STATES; s++) base = V(select)(paths[s] < base, paths[s], base);
        for (int s = 0; s < STATES; s++) paths[s] -= base;
      }
    }
    Ints state = {0};
    Floats best = paths[0];
    for (int s = 1; s < STATES; s++) {
      Ints better = paths[s] < best;
      best = V(select)(better, paths[s], best);
      state = (state & ~better) | (s & better);
    }
    for (size_t r = rows; r-- > 0;) {
      Ints q = state >> 4, odd = steps[r].odd >> state & 1;
      Bytes code = __builtin_convertvector(steps[r].codes >> (16 * q + 8 * odd), Bytes);
      __builtin_memcpy(codes + r * pitch + c, &code, left < LANES ? left : LANES);
      state = EVEN(state) ^ 10 * odd;
    }
  }
}

// Half of the states of a chain: those that one quantiser leads to.
typedef float V(Half) __attribute__((vector_size(4 * STATES / 2)));

// Keeps the cheaper ones of two sets of paths, and returns which.
INLINE uint32_t V(keep_half)(V(Half) *even, const V(Half) *odd) {
#if LANES == 16
  uint32_t from_odd = _mm512_cmp_ps_mask((__m512)*odd, (__m512)*even, _CMP_LT_OQ);
  *even = (V(Half))_mm512_min_ps((__m512)*odd, (__m512)*even);
  return from_odd;
#elif LANES == 8
  uint32_t from_odd = 0;
  __m256 *to = (__m256 *)even;
  const __m256 *from = (const __m256 *)odd;
  for (int i = 0; i < 2; i++) {
    __m256 mask = _mm256_cmp_ps(from[i], to[i], _CMP_LT_OQ);
    from_odd |= (uint32_t)_mm256_movemask_ps(mask) << (8 * i);
    to[i] = _mm256_min_ps(from[i], to[i]);
  }
  return from_odd;
#else
  const uint8x16_t bits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  float32x4_t *to = (float32x4_t *)even;
  const float32x4_t *from = (const float32x4_t *)odd;
  uint16x8_t less[4];
  for (int i = 0; i < 4; i++) {
    uint32x4_t mask = vcltq_f32(from[i], to[i]);
    less[i] = vreinterpretq_u16_u32(mask);
    to[i] = vbslq_f32(mask, from[i], to[i]);
  }
  uint8x16_t all = vuzp1q_u8(vreinterpretq_u8_u16(vuzp1q_u16(less[0], less[1])),
                             vreinterpretq_u8_u16(vuzp1q_u16(less[2], less[3])));
  // 16 bits, to the first two bytes.
  all = vandq_u8(all, bits);
  for (int i = 0; i < 3; i++) all = vpaddq_u8(all, all);
  return vgetq_lane_u16(vreinterpretq_u16_u8(all), 0);
#endif
}

// One chain, all states side by side.
static void V(trellis_column)(const float *x, const float *inverse, size_t rows,
                              const float *costs, int8_t *codes, void *scratch) {
  Step *steps = scratch;
  V(Half) low = (V(Half)){0} + NEVER, high = low;
  low[0] = 0;
  float set[4][LANES];
  for (size_t start = 0; start < rows; start += LANES) {
    size_t count = rows - start < LANES ? rows - start : LANES;
    Floats chosen[4], t = V(load)(x + start, count) * V(load)(inverse + start, count);
    Ints all = V(choose)(t, costs, chosen);
    __builtin_memcpy(set, chosen, sizeof set);
    for (size_t i = 0; i < count; i++) {
      V(Half) even = __builtin_shufflevector(low, high, EACH(EVEN, 0)) + set[0][i];
      V(Half) odd = __builtin_shufflevector(low, high, EACH(ODD, 0)) + set[1][i];
      V(Half) even_high = __builtin_shufflevector(low, high, EACH(EVEN, 16)) + set[2][i];
      V(Half) odd_high = __builtin_shufflevector(low, high, EACH(ODD, 16)) + set[3][i];
      uint32_t from_odd = V(keep_half)(&even, &odd) | V(keep_half)(&even_high, &odd_high) << 16;
      steps[start + i] = (Step){.codes = (uint32_t)all[i], .odd = from_odd};
      low = even;
      high = even_high;
      if ((start + i) % RESCALED == RESCALED - 1) {
        float base = low[0];
        for (int s = 1; s < STATES / 2; s++) base = low[s] < base ? low[s] : base;
        for (int s = 0; s < STATES / 2; s++) base = high[s] < base ? high[s] : base;
        low -= base;
        high -= base;
      }
    }
  }
  float paths[STATES];
  __builtin_memcpy(paths, &low, sizeof low);
  __builtin_memcpy(paths + STATES / 2, &high, sizeof high);
  trace_back(steps, rows, cheapest(paths), codes, 1);
}

#endif
