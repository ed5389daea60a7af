/* Loaded before the C library: the Nth call on files below FAULT_DIR fails, is cut short, or is the process's last.
 * Without FAULT_AT it only writes down each call. No allocation and no stdio: it runs on every thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
static _Atomic char ours[FDS];
static char names[FDS][200];
static atomic_long calls;
static const char *dir, *how, *logged;
static size_t dir_length;
static long wanted;

__attribute__((constructor)) static void start(void) {
  dir = getenv("FAULT_DIR");
  how = getenv("FAULT_HOW");
  logged = getenv("FAULT_LOG");
  const char *at = getenv("FAULT_AT");
  wanted = at ? atol(at) : 0;
  dir_length = dir ? strlen(dir) : 0;
}

static int below(const char *path) {
  return dir && path && strncmp(path, dir, dir_length) == 0 && (path[dir_length] == '/' || !path[dir_length]);
}

static void note(const char *op, const char *path, const char *mark) {
  char line[400];
  if (!logged) return;
  int length = snprintf(line, sizeof line, "%s%s %s\n", mark, op, path + dir_length);
  long fd = syscall(SYS_openat, AT_FDCWD, logged, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, (size_t)length);
  syscall(SYS_close, fd);
}

/* 0: go on; 1: fail with errno; 2: do half of it. After `killafter` the caller calls end(). */
static int judge(const char *op, const char *path, int *last) {
  long n = atomic_fetch_add(&calls, 1) + 1;
  *last = 0;
  if (!wanted) { note(op, path, ""); return 0; }
  if (n != wanted) return 0;
  note(op, path, "hit ");
  if (!strcmp(how, "kill")) kill(getpid(), SIGKILL);
  if (!strcmp(how, "killafter")) { *last = 1; return 0; }
  if (!strcmp(how, "short")) return 2;
  errno = !strcmp(how, "ENOSPC") ? ENOSPC : EIO;
  return 1;
}
static void end(int last) { if (last) kill(getpid(), SIGKILL); }

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define KNOWN(fd) ((fd) >= 0 && (fd) < FDS && ours[fd] && still(fd))

/* libuv closes by syscall(SYS_close): the number may be a socket's by now. */
static int still(int fd) {
  char link[40], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length > 0) path[length] = 0;
  if (length > 0 && below(path)) return 1;
  ours[fd] = 0;
  return 0;
}

static void opened(int fd, const char *path) {
  if (fd < 0 || fd >= FDS) return;
  snprintf(names[fd], sizeof names[fd], "%s", path);
  ours[fd] = 1;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    REAL(name); \
    if (!below(path)) { int fd = real(path, flags, mode); if (KNOWN(fd)) ours[fd] = 0; return fd; } \
    int last; \
    if (judge("open", path, &last) == 1) return -1; \
    int fd = real(path, flags, mode); opened(fd, path); end(last); return fd; \
  }
OPEN(open)
OPEN(open64)

#define BY_FD(type, name, op, parameters, arguments, less) \
  type name parameters { \
    REAL(name); \
    if (!KNOWN(fd)) return real arguments; \
    int last, what = judge(op, names[fd], &last); \
    if (what == 1) return -1; \
    if (what == 2) { less; } \
    type done = real arguments; end(last); return done; \
  }
BY_FD(ssize_t, read, "read", (int fd, void *to, size_t n), (fd, to, n), n = (n + 1) / 2)
BY_FD(ssize_t, pread, "read", (int fd, void *to, size_t n, off_t at), (fd, to, n, at), n = (n + 1) / 2)
BY_FD(ssize_t, pread64, "read", (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), n = (n + 1) / 2)
BY_FD(ssize_t, write, "write", (int fd, const void *from, size_t n), (fd, from, n), n = (n + 1) / 2)
BY_FD(ssize_t, pwrite, "write", (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), n = (n + 1) / 2)
BY_FD(ssize_t, pwrite64, "write", (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), n = (n + 1) / 2)
BY_FD(ssize_t, writev, "write", (int fd, const struct iovec *v, int n), (fd, v, n), n = (n + 1) / 2)
BY_FD(ssize_t, pwritev, "write", (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), n = (n + 1) / 2)
BY_FD(ssize_t, pwritev64, "write", (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), n = (n + 1) / 2)
BY_FD(int, fsync, "fsync", (int fd), (fd), (void)0)
BY_FD(int, fdatasync, "fsync", (int fd), (fd), (void)0)
BY_FD(int, ftruncate, "truncate", (int fd, off_t n), (fd, n), (void)0)
BY_FD(int, ftruncate64, "truncate", (int fd, off64_t n), (fd, n), (void)0)

int close(int fd) {
  REAL(close);
  if (!KNOWN(fd)) return real(fd);
  int last, what = judge("close", names[fd], &last);
  ours[fd] = 0;
  int done = real(fd);
  if (what == 1) { errno = EIO; return -1; }
  end(last);
  return done;
}

#define BY_PATH(name, op, parameters, arguments, path) \
  int name parameters { \
    REAL(name); \
    if (!below(path)) return real arguments; \
    int last; \
    if (judge(op, path, &last) == 1) return -1; \
    int done = real arguments; end(last); return done; \
  }
BY_PATH(rename, "rename", (const char *from, const char *to), (from, to), to)
BY_PATH(link, "link", (const char *from, const char *to), (from, to), to)
BY_PATH(mkdir, "mkdir", (const char *path, mode_t mode), (path, mode), path)
BY_PATH(rmdir, "rmdir", (const char *path), (path), path)
BY_PATH(unlink, "unlink", (const char *path), (path), path)
