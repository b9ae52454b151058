// The calls that a profile of an engine lets through, but for those that make directories: what is left of the kernel's
// list when the administrator's calls are taken out. Some do not exist on every architecture, which is no error.
const FILES =
  'access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 ' +
  'fallocate fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr ' +
  'fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init ' +
  'inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek ' +
  'lsetxattr lstat memfd_create mknod mknodat newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 ' +
  'pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir ' +
  'sendfile setxattr splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink ' +
  'unlinkat utime utimensat utimes vmsplice write writev'
const PROCESSES =
  'alarm arch_prctl brk capget capset clone clone3 execve execveat exit exit_group fork futex futex_waitv ' +
  'get_robust_list get_thread_area getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority ' +
  'getrandom getresgid getresuid getrlimit getrusage getsid gettid getuid kill madvise membarrier mincore mlock mlock2 ' +
  'mlockall mmap mprotect mremap msync munlock munlockall munmap nanosleep pause pidfd_getfd pidfd_open ' +
  'pidfd_send_signal prctl prlimit64 restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo ' +
  'rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min ' +
  'sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity ' +
  'sched_setattr sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area ' +
  'set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid ' +
  'setreuid setrlimit setsid setuid sigaltstack sysinfo tgkill time times tkill uname vfork wait4 waitid'
const OTHERS =
  'accept accept4 bind clock_adjtime clock_getres clock_gettime clock_nanosleep connect epoll_create epoll_create1 ' +
  'epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 getitimer getpeername getsockname getsockopt ' +
  'gettimeofday io_cancel io_destroy io_getevents io_setup io_submit ipc listen mq_getsetattr mq_notify mq_open ' +
  'mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd poll ppoll pselect6 recv recvfrom recvmmsg ' +
  'recvmsg select semctl semget semop semtimedop send sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget ' +
  'shutdown signalfd signalfd4 socket socketpair timer_create timer_delete timer_getoverrun timer_gettime ' +
  'timer_settime timerfd_create timerfd_gettime timerfd_settime'

export const ALLOWED: string[] = [FILES, PROCESSES, OTHERS].flatMap(list => list.split(' '))
