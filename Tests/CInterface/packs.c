/* packs SOURCE OUTPUT: makes a pack, and verifies it. */
#include "check.h"

static int calls;

static void progress(void *context, const char *step, double share) {
  CHECK(context == &calls && step[0] && share <= 1);
  ++calls;
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  char *report;
  CHECK(clippack_convert(arguments[1], arguments[2], "{\"to\":\"f16\",\"storage\":\"mapped\"}",
                         progress, &calls, &report) == CLIPPACK_OK);
  CHECK(calls > 3);
  printf("%s\n", report);
  clippack_free(report);
  CHECK(clippack_verify(arguments[2], NULL, &report) == CLIPPACK_OK);
  printf("%s\n", report);
  clippack_free(report);
  CHECK(clippack_verify(arguments[2], "{\"threads\":1,\"compute\":\"bf16\"}", NULL) == CLIPPACK_OK);
  return 0;
}
