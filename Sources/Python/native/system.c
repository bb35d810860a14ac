// What the C library of old systems lacks, or static libraries cannot take from it.
#include <math.h>
#include <stdio.h>

// The static libraries of the distribution are compiled for programs: their code expects `stderr`
// in the same file, and that of the C library lies in another. The linker gives them this one by
// --wrap=stderr.
extern FILE *__real_stderr;
__attribute__((visibility("hidden"))) FILE *__wrap_stderr;

__attribute__((constructor(101))) static void find(void) { __wrap_stderr = __real_stderr; }

// New in glibc 2.35, whose version rounds as this one does: once.
__attribute__((visibility("hidden"))) float hypotf(float x, float y) {
  return isinf(x) || isinf(y) ? INFINITY : (float)sqrt((double)x * x + (double)y * y);
}
