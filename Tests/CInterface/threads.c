/* threads PACK PICTURE: 8 threads, and children of forks that happen meanwhile, all give the bits
   that one thread gives. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { thread_count = 8, rounds = 25, fork_count = 12, most_width = 4096 };
static clippack_model *model;
static clippack_info info;
static const char *picture[2];
static const char *text[] = {"a red circle on a white background", "a dog"};
static float expected[2][2][most_width];
static atomic_int stopped;

static void ask(float *texts, float *pictures) {
  CHECK(clippack_embed_texts(model, text, NULL, 2, texts, NULL) == CLIPPACK_OK);
  CHECK(clippack_embed_files(model, picture, 2, pictures, NULL) == CLIPPACK_OK);
}

static void compare(void) {
  static _Thread_local float found[2][2 * most_width];
  ask(found[0], found[1]);
  for (int kind = 0; kind < 2; ++kind)
    CHECK(!memcmp(found[kind], expected[kind], 2 * info.width * sizeof(float)));
}

static void *work(void *number) {
  for (int round = 0; round < rounds; ++round) {
    compare();
    /* Messages are the thread's own. */
    char path[40], message[120];
    snprintf(path, sizeof path, "none-%d-%d", *(int *)number, round);
    snprintf(message, sizeof message, "cannot open '%s': No such file or directory", path);
    clippack_model *none;
    CHECK(clippack_open(path, NULL, &none) == CLIPPACK_UNREADABLE);
    CHECK(strcmp(clippack_last_error(), message) == 0);
  }
  return NULL;
}

static void *work_on(void *unused) {
  while (!atomic_load(&stopped)) compare();
  return unused;
}

/* Without waiting for ever: a child that hangs is ended by its alarm. */
static void fork_and_compare(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(60);
    compare();
    pthread_t threads[2];
    int number = 0;
    for (int i = 0; i < 2; ++i) CHECK(!pthread_create(&threads[i], NULL, work, &number));
    for (int i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
    clippack_close(model);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int count, char **arguments) {
  CHECK(count == 3);
  const clippack_options options = {.size = sizeof options, .threads = 3};
  CHECK(clippack_open(arguments[1], &options, &model) == CLIPPACK_OK);
  info.size = sizeof info;
  CHECK(clippack_get_info(model, &info) == CLIPPACK_OK && info.width <= most_width);
  picture[0] = picture[1] = arguments[2];
  ask(expected[0][0], expected[1][0]);
  fork_and_compare();

  pthread_t threads[thread_count];
  int numbers[thread_count];
  for (int i = 0; i < thread_count; ++i) {
    numbers[i] = i;
    CHECK(!pthread_create(&threads[i], NULL, work, &numbers[i]));
  }
  for (int i = 0; i < thread_count; ++i) pthread_join(threads[i], NULL);

  for (int i = 0; i < 3; ++i) CHECK(!pthread_create(&threads[i], NULL, work_on, NULL));
  for (int i = 0; i < fork_count; ++i) fork_and_compare();
  atomic_store(&stopped, 1);
  for (int i = 0; i < 3; ++i) pthread_join(threads[i], NULL);
  compare();
  clippack_close(model);
  printf("the same bits\n");
  return 0;
}
