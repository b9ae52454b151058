/* The limit of what a runtime could reach: makes the namespaces, mounts, devices, masked and read-only paths of the
   benchmark's config.json, enters the root and executes /bin/true. It reads nothing, makes no cgroup and sets no user,
   capabilities or limits. What the config asks for is in config.h, written by bench-limit.ts: NAMESPACES and the lists
   mounts, nodes, links, masked and readonly, each with an empty entry at its end; paths are relative to the root. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

struct place { const char *source, *target, *type; unsigned long flags; const char *data; };
struct node { const char *path; unsigned major, minor; };
struct link { const char *path, *to; };

#include "config.h"

static void check(int failed, const char *what, const char *name) {
  if (!failed) return;
  fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
  _exit(1);
}

static int absent(void) { return errno == ENOENT; }

static void join_group(const char *file) {
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  check(fd < 0 || write(fd, "0", 1) != 1, "join", file);
  close(fd);
}

static void loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request), "bring up", "lo");
  close(fd);
}

static void mount_all(void) {
  for (const struct place *at = mounts; at->target; at++) {
    if (!(at->flags & MS_REMOUNT)) mkdir(at->target, 0755);
    check(mount(at->source, at->target, at->type, at->flags, at->data), "mount", at->target);
    if ((at->flags & MS_BIND) && (at->flags & ~(MS_BIND | MS_REC)))
      check(mount(0, at->target, 0, at->flags | MS_REMOUNT, 0), "remount", at->target);
  }
}

static void make_devices(void) {
  for (const struct node *at = nodes; at->path; at++)
    check(mknod(at->path, S_IFCHR | 0666, makedev(at->major, at->minor)), "mknod", at->path);
  for (const struct link *at = links; at->path; at++) check(symlink(at->to, at->path), "symlink", at->path);
}

static void cover_paths(void) {
  for (const char *const *path = masked; *path; path++) {
    if (!mount("/dev/null", *path, 0, MS_BIND, 0) || absent()) continue;
    check(errno != ENOTDIR || mount("tmpfs", *path, "tmpfs", MS_RDONLY, 0), "mask", *path);
  }
  for (const char *const *path = readonly; *path; path++) {
    if (mount(*path, *path, 0, MS_BIND | MS_REC, 0) && absent()) continue;
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    check(mount(0, *path, 0, flags, 0), "make read-only", *path);
  }
}

static void enter(const char *rootfs) {
  setsid();
  loopback_up();
  check(mount(0, "/", 0, MS_REC | MS_SLAVE, 0), "mount", "/");
  check(mount(rootfs, rootfs, 0, MS_BIND | MS_REC, 0) || chdir(rootfs), "bind", rootfs);
  mount_all();
  make_devices();
  check(sethostname("limit", 5), "sethostname", "");
  cover_paths();
  check(syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"), "pivot_root", rootfs);
  check(mount(0, "/", 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0), "make read-only", "/");
}

static pid_t fork_with(unsigned long flags) {
  pid_t pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  check(pid < 0, "clone", "");
  return pid;
}

static void run(const char *rootfs) {
  char *argv[] = {"/bin/true", 0}, *environment[] = {0};
  int status;
  pid_t pid = fork_with(NAMESPACES);
  if (pid == 0) {
    enter(rootfs);
    execve(argv[0], argv, environment);
    check(1, "execve", argv[0]);
  }
  check(waitpid(pid, &status, 0) != pid || status != 0, "run", argv[0]);
}

static void leave_waiting(unsigned long flags, const char *group, const char *rootfs) {
  char ready;
  int ends[2];
  join_group(group);
  check(pipe(ends), "pipe", "");
  pid_t pid = fork_with(flags);
  if (pid == 0) {
    if (rootfs) enter(rootfs);
    check(write(ends[1], "", 1) != 1, "tell", "");
    for (int fd = 0; fd < 8; fd++) close(fd);
    for (;;) pause();
  }
  close(ends[1]);
  check(read(ends[0], &ready, 1) != 1, "wait", "");
  printf("%d\n", pid);
}

/* limit run COUNT ROOTFS: so many containers, one after another
   limit wait GROUPFILE ROOTFS: one that joins a cgroup first and waits in place of executing; prints its pid
   limit bare GROUPFILE: the same, of a process that has nothing of its own */
int main(int count, char **arguments) {
  if (count == 4 && !strcmp(arguments[1], "run"))
    for (int left = atoi(arguments[2]); left > 0; left--) run(arguments[3]);
  else if (count == 4 && !strcmp(arguments[1], "wait")) leave_waiting(NAMESPACES, arguments[2], arguments[3]);
  else if (count == 3 && !strcmp(arguments[1], "bare")) leave_waiting(0, arguments[2], 0);
  else return 2;
  return 0;
}
