/* Preloaded into mongokeep: the time of day that it sees. MONGOKEEP_TORTURE_CLOCK=<ms since 1970 at the start>[,<after
   so many ms>:<jump in ms>]... The monotonic clock stays: only the time of day is what people and NTP set. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MOST 8
static long long wanted, begun;
static long long after[MOST], jump[MOST];
static int jumps;

static long long monotonic_ns(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
  char *text = getenv("MONGOKEEP_TORTURE_CLOCK");
  if (!text) return;
  begun = monotonic_ns();
  wanted = strtoll(text, &text, 10);
  while (*text == ',' && jumps < MOST) {
    after[jumps] = strtoll(text + 1, &text, 10);
    if (*text == ':') jump[jumps++] = strtoll(text + 1, &text, 10);
  }
}

static void tell(struct timespec *time) {
  long long passed = monotonic_ns() - begun;
  long long now = wanted * 1000000LL + passed;
  for (int i = 0; i < jumps; i++)
    if (passed / 1000000LL >= after[i]) now += jump[i] * 1000000LL;
  time->tv_sec = now / 1000000000LL;
  time->tv_nsec = now % 1000000000LL;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (wanted && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    tell(time);
    return 0;
  }
  return syscall(SYS_clock_gettime, clock, time);
}

int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
