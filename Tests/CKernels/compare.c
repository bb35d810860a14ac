// Compares the kernels of Sources/CKernels, on every instruction set that this processor has, with
// their scalar versions. Prints a hash of what every processor must compute alike: Scripts/test_arm
// holds those of x86 and Arm together. Exit status 1 where something differs.
#define _GNU_SOURCE
#include "compare.h"

#include <math.h>
#include <sys/mman.h>

CKInstructionSet sets[8];
size_t set_count;

static struct {
  const char *name, *shape_names;
  bool has_same_bits;
  size_t shape[3];
  uint64_t hash;
  size_t failures;
} current;
static size_t failures, kernels;
static uint64_t seed;

static const char *name_of(CKInstructionSet isa) {
  switch (isa) {
  case CKInstructionSetScalar: return "scalar";
  case CKInstructionSetAVX2: return "avx2";
  case CKInstructionSetAVXVNNI: return "avxvnni";
  case CKInstructionSetAVX512: return "avx512";
  case CKInstructionSetAVX512VNNI: return "avx512vnni";
  case CKInstructionSetNEON: return "neon";
  case CKInstructionSetNEONDotProd: return "neondotprod";
  case CKInstructionSetNEONI8MM: return "neoni8mm";
  }
  return "?";
}

static void end_kernel(void) {
  if (!current.name) return;
  if (current.has_same_bits)
    printf("%-24s %016llx\n", current.name, (unsigned long long)current.hash);
  kernels++;
}

void kernel(const char *name, bool has_same_bits) {
  end_kernel();
  current.name = name;
  current.has_same_bits = has_same_bits;
  current.shape_names = "";
  current.failures = 0;
  current.hash = 0xcbf29ce484222325;
  seed = strlen(name);
}

void shape(const char *names, size_t a, size_t b, size_t c) {
  current.shape_names = names;
  current.shape[0] = a;
  current.shape[1] = b;
  current.shape[2] = c;
}

void add_to_hash(const void *bytes, size_t count) {
  // FNV-1a, of 64 bits.
  for (size_t i = 0; i < count; i++)
    current.hash = (current.hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
}

// Says so for the first few cases of a kernel; whether it did.
static bool fail(CKInstructionSet isa, const char *what) {
  failures++;
  if (current.failures++ >= 3) return false;
  fprintf(stderr, "FAIL  %s on %s, %s = %zu, %zu, %zu: %s", current.name, name_of(isa),
          current.shape_names, current.shape[0], current.shape[1], current.shape[2], what);
  return true;
}

void same(CKInstructionSet isa, const char *what, const void *scalar, const void *found,
          size_t bytes) {
  if (isa == CKInstructionSetScalar) add_to_hash(scalar, bytes);
  const uint8_t *a = scalar, *b = found;
  size_t i = 0;
  while (i < bytes && a[i] == b[i]) i++;
  if (i == bytes) return;
  if (fail(isa, what)) fprintf(stderr, ", byte %zu is %d, not %d\n", i, b[i], a[i]);
}

void close_to(CKInstructionSet isa, const char *what, size_t i, double scalar, double found,
              double bound) {
  if (isnan(scalar) ? isnan(found) : scalar == found || fabs(scalar - found) <= bound) return;
  if (fail(isa, what))
    fprintf(stderr, " %zu is %.9g, not %.9g within %.3g\n", i, found, scalar, bound);
}

void is_true(CKInstructionSet isa, const char *what, bool condition) {
  if (condition) return;
  if (fail(isa, what)) fprintf(stderr, "\n");
}

// -- Memory. Under AddressSanitizer, blocks that it watches; else the end of a mapping, behind
// which lies a page that may not be touched.

enum { ROOMS = 24, PAGE = 1 << 16, LARGEST = 1 << 23 };
static struct {
  char *start;
  size_t size;
} rooms[ROOMS];
static size_t taken;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_WATCHED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_WATCHED
#endif

void *room(size_t bytes) {
  if (taken == ROOMS || bytes > LARGEST) {
    fprintf(stderr, "compare: no room for %zu bytes beside %zu others\n", bytes, taken);
    exit(2);
  }
  char *memory;
#ifdef IS_WATCHED
  memory = rooms[taken++].start = malloc(bytes);
#else
  if (rooms[taken].size < bytes) {
    if (rooms[taken].start) munmap(rooms[taken].start, rooms[taken].size + PAGE);
    const size_t size = (bytes + PAGE - 1) / PAGE * PAGE;
    rooms[taken].start =
        mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    rooms[taken].size = size;
    if (rooms[taken].start == MAP_FAILED ||
        mprotect(rooms[taken].start + size, PAGE, PROT_NONE) != 0) {
      perror("compare: memory");
      exit(2);
    }
  }
  memory = rooms[taken].start + rooms[taken].size - bytes;
  taken++;
#endif
  size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    uint64_t bits = random_bits();
    memcpy(memory + i, &bits, 8);
  }
  for (; i < bytes; i++) memory[i] = (char)random_bits();
  return memory;
}

void release(void) {
#ifdef IS_WATCHED
  while (taken > 0) free(rooms[--taken].start);
#endif
  taken = 0;
}

void *copy_of(const void *bytes, size_t count) {
  void *copy = room(count);
  if (count > 0) memcpy(copy, bytes, count);
  return copy;
}

void reset(void *result, const void *before, size_t count) {
  if (count > 0) memcpy(result, before, count);
}

// -- Numbers.

uint64_t random_bits(void) {
  // SplitMix64.
  uint64_t z = seed += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

size_t random_below(size_t limit) { return (size_t)(random_bits() % limit); }

float random_normal(void) {
  // Four numbers of 16 bits, of standard deviation 65 536 / √3.
  uint64_t bits = random_bits();
  int32_t sum = (int32_t)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) +
                          (bits >> 48)) -
                131070;
  return (float)sum / 37837;
}

float *normals(size_t count, float scale) {
  float *values = room(4 * count);
  for (size_t i = 0; i < count; i++) {
    float value = random_normal();
    values[i] = value * scale;
  }
  return values;
}

float *odd_floats(size_t count, bool not_finite) {
  static const uint32_t special[] = {
      0,          0x80000000, 1,          0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff,
      0x3f000000, 0xbf000000, 0x3fc00000, 0x42fe0000, 0xc2ff0000, 0x477fefff, 0x477ff000,
      0x33000000, 0x33000001, 0x387fc000, 0x387fe000, 0x7f7f8000, 0x7f800000, 0xff800000,
      0x7fc00000, 0x7f800001, 0xffc12345, 0x7fa00000,
  };
  float *values = room(4 * count);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)random_bits();
    if (random_below(8) == 0) bits = special[random_below(sizeof special / sizeof *special)];
    // Every second one near what codes are of.
    else if (random_below(2)) bits = (bits & 0x83ffffff) | 0x3c000000;
    if (!not_finite && (bits & 0x7f800000) == 0x7f800000) bits ^= 0x40000000;
    memcpy(values + i, &bits, 4);
  }
  return values;
}

void settle_nans(float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (isnan(values[i])) values[i] = nanf("");
}

// -- All of them.

static void find_sets(void) {
  const CKInstructionSet widest = ck_widest_instruction_set();
  static const CKInstructionSet all[] = {
#if defined(__x86_64__)
      CKInstructionSetAVX2, CKInstructionSetAVXVNNI, CKInstructionSetAVX512,
      CKInstructionSetAVX512VNNI,
#elif defined(__aarch64__)
      CKInstructionSetNEON, CKInstructionSetNEONDotProd, CKInstructionSetNEONI8MM,
#endif
  };
  sets[set_count++] = CKInstructionSetScalar;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (all[i] <= widest) sets[set_count++] = all[i];
}

int main(void) {
  find_sets();
  compare_codec();
  compare_entropy();
  compare_reproducible();
  compare_floats();
  compare_halves();
  compare_linear();
  compare_resize();
  end_kernel();
  fprintf(stderr, "compare: %zu kernels on", kernels);
  for (size_t i = 0; i < set_count; i++) fprintf(stderr, " %s", name_of(sets[i]));
  if (failures > 0) fprintf(stderr, ": %zu DIFFERENCES\n", failures);
  else fprintf(stderr, ": equal\n");
  return failures > 0;
}
