// An independent reader of packs in C, written from the specification `clippack.md` alone.
//
//   cc -O2 -o clippack clippack.c -lzstd && ./clippack PACK          (with pack.h and blocks.h beside it)
//
// Validates the whole file (a refusal names the rule of section 8), then prints a line for each section and tensor,
// its fields separated by tabs: kind, name, code of the element type, extents, SHA-256 of the decoded bytes. For
// machines whose memory is little-endian.
#include "pack.h"

int main(int argc, char **argv) {
  FILE *stream = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!stream || fseek(stream, 0, SEEK_END)) return fprintf(stderr, "usage: clippack PACK\n"), 2;
  uint64_t size = (uint64_t)ftell(stream);
  uint8_t *file = reserve(size, 1), digest[32];
  rewind(stream);
  REQUIRE(fread(file, 1, size, stream) == size, 1, "the file cannot be read");
  read_pack(file, size);
  for (int i = 0; i < item_count; i++) {
    if (items[i].kind == 2 && items[i].codec > 1) continue;
    uint64_t count;
    uint8_t *bytes = elements(&items[i], &count);
    sha256(bytes, count, digest);
    release(bytes);
    printf("%s\t%.*s\t%d\t", items[i].kind == 1 ? "section" : "tensor", (int)items[i].length, items[i].name, items[i].type);
    for (int j = 0; j < items[i].rank; j++) printf("%s%llu", j ? "," : "", (unsigned long long)items[i].extents[j]);
    for (int j = 0; j < 32; j++) printf("%s%02x", j ? "" : "\t", digest[j]);
    printf("\n");
  }
}
