#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

// Runs kernels on every instruction set of this processor and holds them against the scalar
// version.

/// The instruction sets of this processor, the scalar one first.
extern CKInstructionSet sets[8];
extern size_t set_count;
#define EACH_SET(isa) \
  for (CKInstructionSet isa, *set_ = sets; set_ < sets + set_count && (isa = *set_, 1); set_++)

/// Begins with a kernel, whose results are printed as one hash if `has_same_bits` everywhere.
void kernel(const char *name, bool has_same_bits);

/// Describes the case that runs, for messages: what the numbers are called, and they.
void shape(const char *names, size_t a, size_t b, size_t c);

/// Adds bytes of a scalar result to the kernel's hash.
void add_to_hash(const void *bytes, size_t count);

/// The result is that of the scalar version, bit for bit; where that is what runs, adds it to the
/// hash.
void same(CKInstructionSet isa, const char *what, const void *scalar, const void *found,
          size_t bytes);

/// Numbers are within a bound of those of the scalar version. Not a number is only near its like.
void close_to(CKInstructionSet isa, const char *what, size_t i, double scalar, double found,
              double bound);

/// Something else that must be so.
void is_true(CKInstructionSet isa, const char *what, bool condition);

/// Memory that ends where no more may be read, of random content, until `release`. Its address is
/// as little aligned as `bytes` is.
void *room(size_t bytes);
void release(void);

/// A copy of such memory.
void *copy_of(const void *bytes, size_t count);

/// Makes a result again what it was before a kernel ran: what no version may leave as it is must
/// not look as if one had written it.
void reset(void *result, const void *before, size_t count);

/// The same ones for a kernel on every machine, if none are drawn (nor memory asked for) between
/// one instruction set and the next.
uint64_t random_bits(void);
size_t random_below(size_t limit);

/// About normal, of standard deviation 1; the same on every machine.
float random_normal(void);
float *normals(size_t count, float scale);

/// Any bit patterns, with zeros, subnormals, the largest numbers and what is between codes; those
/// that are not finite only if wanted.
float *odd_floats(size_t count, bool not_finite);

/// Makes all that are not numbers alike: their signs and payloads depend on the processor.
void settle_nans(float *values, size_t count);

/// An activation in double precision.
double activated(double x, CKActivation activation);

void compare_codec(void);
void compare_entropy(void);
void compare_reproducible(void);
void compare_floats(void);
void compare_halves(void);
void compare_linear(void);
void compare_resize(void);
