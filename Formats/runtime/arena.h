/* Memory that goes as a whole, and refusals that leave from wherever they are found. */
#pragma once
#include <setjmp.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands before the memory of each piece, as aligned as memory is. */
typedef struct cr_piece {
  _Alignas(max_align_t) struct cr_piece *before;
  struct cr_piece *after;
} cr_piece;

typedef struct {
  cr_piece pieces; /* a ring */
  jmp_buf refused;
  char message[256];
} cr_arena;

/* The one that `reserve` takes from; set by each call of the library. */
static _Thread_local cr_arena *cr_current;

static inline void cr_begin(cr_arena *arena) {
  arena->pieces.before = arena->pieces.after = &arena->pieces;
  arena->message[0] = 0;
}

__attribute__((noreturn, format(printf, 1, 2))) static inline void cr_refuse(const char *format,
                                                                             ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(cr_current->message, sizeof cr_current->message, format, arguments);
  va_end(arguments);
  longjmp(cr_current->refused, 1);
}

/* Zeros. */
static inline void *reserve(uint64_t count, uint64_t size) {
  if (size && count > (SIZE_MAX - sizeof(cr_piece)) / size)
    cr_refuse("needs more memory than there is");
  cr_piece *piece = calloc(1, sizeof *piece + (size_t)(count * size));
  if (!piece) cr_refuse("needs more memory than there is");
  cr_piece *last = cr_current->pieces.before;
  piece->before = last, piece->after = &cr_current->pieces;
  last->after = cr_current->pieces.before = piece;
  return piece + 1;
}

static inline void release(void *memory) {
  if (!memory) return;
  cr_piece *piece = (cr_piece *)memory - 1;
  piece->before->after = piece->after, piece->after->before = piece->before;
  free(piece);
}

static inline void cr_end(cr_arena *arena) {
  for (cr_piece *piece = arena->pieces.after, *next; piece != &arena->pieces; piece = next)
    next = piece->after, free(piece);
}
