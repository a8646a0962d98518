#define _GNU_SOURCE
#include "CPlatform.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

const uint32_t PAR_EPOLLIN = EPOLLIN, PAR_EPOLLOUT = EPOLLOUT, PAR_EPOLLRDHUP = EPOLLRDHUP,
               PAR_EPOLLHUP = EPOLLHUP, PAR_EPOLLERR = EPOLLERR, PAR_EPOLLET = EPOLLET,
               PAR_EPOLLEXCLUSIVE = EPOLLEXCLUSIVE, PAR_EPOLLONESHOT = EPOLLONESHOT;

int par_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static int control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
  struct epoll_event event = {.events = events, .data.u64 = token};
  return epoll_ctl(epoll, operation, fd, &event);
}
int par_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}
int par_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token) {
  return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}
int par_epoll_remove(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int par_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns) {
  static _Atomic int no_pwait2;
  if (!no_pwait2) {
    struct timespec limit = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    int count = (int)syscall(SYS_epoll_pwait2, epoll, events, capacity,
                             timeout_ns < 0 ? NULL : &limit, NULL, (size_t)0);
    if (count >= 0 || errno != ENOSYS) return count;
    no_pwait2 = 1;
  }
  int64_t milliseconds = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
  return epoll_wait(epoll, events, capacity, milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds);
}

ssize_t par_receive(int fd, void *bytes, size_t count) {
  return syscall(SYS_recvfrom, fd, bytes, count, 0, NULL, NULL);
}
ssize_t par_transmit(int fd, const void *bytes, size_t count) {
  return syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, NULL, 0);
}

int par_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
int par_signalfd(const sigset_t *mask) { return signalfd(-1, mask, SFD_NONBLOCK | SFD_CLOEXEC); }
int par_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
int par_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
int par_datagram_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends);
}
int par_set_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
int par_set_cloexec(int fd, bool on) { return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0); }
int par_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0U); }
int par_set_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
int par_rename_noreplace(const char *from, const char *to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
}
int par_rename_exchange(const char *left, const char *right) {
  return renameat2(AT_FDCWD, left, AT_FDCWD, right, RENAME_EXCHANGE);
}
ssize_t par_sendfile(int out, int in, int64_t *offset, size_t count) {
  return sendfile(out, in, offset, count);
}
int par_open(const char *path, int flags, unsigned mode) { return open(path, flags | O_CLOEXEC, mode); }
int par_open_at(int folder, const char *path, int flags, unsigned mode) {
  return openat(folder, path, flags | O_CLOEXEC, mode);
}
int par_flock_exclusive(int fd) {
  int result;
  do result = flock(fd, LOCK_EX);
  while (result < 0 && errno == EINTR);
  return result;
}
int par_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int par_peer_address(int fd, char *text, size_t capacity, uint16_t *port) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  text[0] = 0;
  *port = 0;
  if (getpeername(fd, (struct sockaddr *)&address, &length) < 0) return -1;
  if (address.ss_family == AF_INET) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    *port = ntohs(v4->sin_port);
    return inet_ntop(AF_INET, &v4->sin_addr, text, (socklen_t)capacity) ? 0 : -1;
  }
  if (address.ss_family == AF_INET6) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    *port = ntohs(v6->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
      return inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, text, (socklen_t)capacity) ? 0 : -1;
    return inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)capacity) ? 0 : -1;
  }
  return 0;
}

static int close_keeping_errno(int fd) {
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

static socklen_t numeric_address(const char *text, uint16_t port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  struct sockaddr_in *v4 = (struct sockaddr_in *)out;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
  memset(out, 0, sizeof *out);
  if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return sizeof *v6;
  }
  return 0;
}

int par_listen_tcp(const char *address, uint16_t port, int backlog, uint16_t *bound_port) {
  struct sockaddr_storage name;
  socklen_t length = numeric_address(address, port, &name);
  if (!length) {
    errno = EINVAL;
    return -1;
  }
  int fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  par_set_nodelay(fd);  // its connections inherit it
  if (bind(fd, (struct sockaddr *)&name, length) < 0 || listen(fd, backlog) < 0)
    return close_keeping_errno(fd);
  length = sizeof name;
  if (getsockname(fd, (struct sockaddr *)&name, &length) < 0) return close_keeping_errno(fd);
  *bound_port = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                                 : ((struct sockaddr_in *)&name)->sin_port);
  return fd;
}

static int unix_name(const char *path, struct sockaddr_un *name) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof name->sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(name->sun_path, path);
  return 0;
}
int par_listen_unix(const char *path, int backlog) {
  struct sockaddr_un name;
  if (unix_name(path, &name) < 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, backlog) < 0)
    return close_keeping_errno(fd);
  return fd;
}
int par_connect_unix(const char *path) {
  struct sockaddr_un name;
  if (unix_name(path, &name) < 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) return close_keeping_errno(fd);
  return fd;
}
int par_connect_loopback(uint16_t port, bool *connecting) {
  struct sockaddr_in name = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  par_set_nodelay(fd);
  *connecting = connect(fd, (struct sockaddr *)&name, sizeof name) < 0;
  if (*connecting && errno != EINPROGRESS) return close_keeping_errno(fd);
  return fd;
}
int par_connect_tcp_blocking(const char *address, uint16_t port, int timeout_ms) {
  struct sockaddr_storage name;
  socklen_t length = numeric_address(address, port, &name);
  if (!length) {
    errno = EINVAL;
    return -1;
  }
  int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct timeval limit = {timeout_ms / 1000, (timeout_ms % 1000) * 1000};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&name, length) < 0) return close_keeping_errno(fd);
  return fd;
}
int par_datagram_socket(void) {
  return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}
int par_send_datagram(int fd, const char *address, const void *bytes, size_t count) {
  struct sockaddr_un name;
  size_t length = strlen(address);
  if ((address[0] != '/' && address[0] != '@') || length < 2) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  // A path ends with a NUL that counts; an abstract name begins with one and has no end of its own.
  size_t used = address[0] == '/' ? length + 1 : length;
  if (used > sizeof name.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  memcpy(name.sun_path, address, length);
  if (address[0] == '@') name.sun_path[0] = 0;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used);
  ssize_t sent;
  do sent = sendto(fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name, size);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}
int par_listening_address(int fd, char *text, size_t capacity, uint16_t *port) {
  int value = 0;
  socklen_t size = sizeof value;
  text[0] = 0;
  *port = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) < 0) return -1;
  if (value != SOCK_STREAM) {
    errno = EPROTOTYPE;
    return -1;
  }
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) < 0) return -1;
  if (!value) {
    errno = EINVAL;
    return -1;
  }
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -1;
  switch (address.ss_family) {
    case AF_INET: {
      struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
      *port = ntohs(v4->sin_port);
      return inet_ntop(AF_INET, &v4->sin_addr, text, (socklen_t)capacity) ? 0 : -1;
    }
    case AF_INET6: {
      struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
      *port = ntohs(v6->sin6_port);
      return inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)capacity) ? 0 : -1;
    }
    case AF_UNIX: {
      struct sockaddr_un *name = (struct sockaddr_un *)&address;
      size_t count = length - offsetof(struct sockaddr_un, sun_path);
      if (count >= capacity) count = capacity - 1;
      memcpy(text, name->sun_path, count);
      text[count] = 0;
      if (count > 0 && !text[0]) text[0] = '@';
      return 0;
    }
    default:
      errno = EAFNOSUPPORT;
      return -1;
  }
}
int par_set_nodelay(int fd) {
  int on = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int par_set_vanishing(int fd, int64_t silent_ms, int64_t unacknowledged_ms) {
  int on = 1;
  // Half of the time until the first question, and four of them in the other half.
  int idle = (int)(silent_ms / 2000), interval = (int)(silent_ms / 8000), count = 4;
  if (idle < 1) idle = 1;
  if (interval < 1) interval = 1;
  unsigned user = (unsigned)unacknowledged_ms;
  if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) < 0) return -1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle) < 0) return -1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval) < 0) return -1;
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count) < 0) return -1;
  return setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
}
int par_socket_error(int fd) {
  int number = 0;
  socklen_t length = sizeof number;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0 ? errno : number;
}

bool par_exited(int status) { return WIFEXITED(status); }
int par_exit_status(int status) { return WEXITSTATUS(status); }
bool par_signaled(int status) { return WIFSIGNALED(status); }
int par_termination_signal(int status) { return WTERMSIG(status); }

// The soft limit of open files that this process was started with, once it was raised.
static bool raised_nofile;
static rlim_t first_nofile;

int64_t par_raise_nofile(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
  if (!raised_nofile) first_nofile = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  raised_nofile = setrlimit(RLIMIT_NOFILE, &limit) == 0;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
  return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

void par_open_standard_descriptors(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd < 3);
  if (fd >= 0) close(fd);
}

int par_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }
bool par_has_sealed_size(int fd) {
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) == (F_SEAL_SHRINK | F_SEAL_GROW);
}
int par_seal_size(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL); }

// The thread sanitizer makes a fork of every vfork: the child's memory is a copy then, and the parent
// does not wait. There the failure is in shared memory, and the parent waits for the end of a pipe
// that executing closes.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define VFORK_IS_FORK
#endif
#endif
#ifdef VFORK_IS_FORK
#define CLOSING (1U << 2)  // CLOSE_RANGE_CLOEXEC
#else
#define CLOSING 0U
#endif

// What of a child's start failed, and with which errno.
struct failure {
  int number, step;
};

// Credentials by system calls: the C library's functions would change the parent's other threads too,
// whose memory this child shares.
static int become_user(const struct par_confinement *confined) {
  if (syscall(SYS_setgroups, (size_t)0, NULL) < 0) return -1;
  if (syscall(SYS_setresgid, confined->group, confined->group, confined->group) < 0) return -1;
  return (int)syscall(SYS_setresuid, confined->user, confined->user, confined->user);
}

static int write_text(int fd, const char *text) {
  return write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

// In a file of this process's own, whose absence (no /proc) is no reason not to start.
static void offer_to_oom_killer(void) {
  int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  char text[16] = {0};
  if (read(fd, text, sizeof text - 1) > 0 && atoi(text) < PAR_OOM_SCORE_OF_AGENTS)
    write_text(fd, PAR_OOM_SCORE_TEXT);
  close(fd);
}

static void limit(int resource, rlim_t most) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0) return;
  if (limit.rlim_max > most) limit.rlim_max = most;
  if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

// Runs in the child, which shares the parent's memory until it executes: system calls only.
static void become(const char *path, char *const argv[], char *const envp[], const char *folder,
                   const int *descriptors, int count, const struct par_confinement *confined,
                   pid_t parent, volatile struct failure *failure) {
  int step = PAR_SPAWN_PREPARE;
  if (!confined->same_session && setsid() < 0) goto failed;
  for (int number = 1; number < NSIG; number++) {
    struct sigaction action;
    // KILL and STOP refuse, and so do libc's own two; nothing to be done about any of them.
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
      memset(&action, 0, sizeof action);
      action.sa_handler = SIG_DFL;
      sigaction(number, &action, NULL);
    }
  }
  if (confined->ignored > 0) signal(confined->ignored, SIG_IGN);
  if (confined->is_expendable) offer_to_oom_killer();
  if (confined->has_control_group) {
    step = PAR_SPAWN_CONTROL_GROUP;
    if (write_text(confined->control_group, "0") < 0) goto failed;
    step = PAR_SPAWN_PREPARE;
  }
  if (confined->nice > 0) setpriority(PRIO_PROCESS, 0, confined->nice);
  // Move every source above the targets first, so that no dup2 overwrites one still needed.
  int sources[16];
  for (int i = 0; i < count; i++) {
    int source = descriptors[i] >= 0 ? descriptors[i] : open("/dev/null", O_RDWR);
    if (source < 0) goto failed;
    sources[i] = fcntl(source, F_DUPFD, count + 16);
    if (sources[i] < 0) goto failed;
  }
  for (int i = 0; i < count; i++)
    if (dup2(sources[i], i) < 0) goto failed;
  if (syscall(SYS_close_range, (unsigned)count, ~0U, CLOSING) < 0) {
    for (int fd = count; fd < 4096; fd++) close(fd);  // before Linux 5.9
  }
  if (raised_nofile) {
    // select(2) in a child's code cannot deal with descriptors above 1023. Not before descriptors
    // are in their places: above the limit there may be more of them open now than it allows.
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
      limit.rlim_cur = first_nofile;
      setrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  if (confined->most_descriptors > 0) limit(RLIMIT_NOFILE, (rlim_t)confined->most_descriptors);
  if (confined->most_data > 0) limit(RLIMIT_DATA, (rlim_t)confined->most_data);
  if (confined->is_private) {
    limit(RLIMIT_CORE, 0);
    umask(077);
  }
  if (confined->has_user) {
    step = PAR_SPAWN_USER;
    if (become_user(confined) < 0) goto failed;
    step = PAR_SPAWN_PREPARE;
  }
  if (confined->is_private && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) goto failed;
  // Not before the user is changed, which takes it back (PR_SET_PDEATHSIG(2const)).
  if (!confined->outlives_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) goto failed;
    if (getppid() != parent) _exit(127);  // the parent ended before the line above
  }
  step = PAR_SPAWN_FOLDER;
  if (folder && chdir(folder) < 0) goto failed;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  step = PAR_SPAWN_EXECUTE;
  execve(path, argv, envp);
failed:
  failure->number = errno;
  failure->step = step;
  _exit(127);
}

pid_t par_spawn_confined(const char *path, char *const argv[], char *const envp[],
                         const char *folder, const int *descriptors, int count,
                         const struct par_confinement *confined, int *failed_step) {
  if (failed_step) *failed_step = PAR_SPAWN_PREPARE;
  if (count > 16) {
    errno = EINVAL;
    return -1;
  }
#ifdef VFORK_IS_FORK
  int executed[2];
  if (pipe2(executed, O_CLOEXEC) < 0) return -1;
  volatile struct failure *failure =
      mmap(NULL, sizeof *failure, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (failure == MAP_FAILED) return -1;
#else
  volatile struct failure shared = {0}, *failure = &shared;
#endif
  // With every signal blocked no handler of ours can run in the child before it executes.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  pid_t child = vfork();
  if (child == 0) become(path, argv, envp, folder, descriptors, count, confined, parent, failure);
  int saved = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
#ifdef VFORK_IS_FORK
  char none;
  close(executed[1]);
  while (read(executed[0], &none, 1) < 0 && errno == EINTR) {}
  close(executed[0]);
#endif
  int failed = failure->number;
  if (failed && failed_step) *failed_step = failure->step;
#ifdef VFORK_IS_FORK
  munmap((void *)failure, sizeof *failure);
#endif
  if (child > 0 && failed) {
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    errno = failed;
    return -1;
  }
  errno = saved;
  return child;
}

pid_t par_spawn(const char *path, char *const argv[], char *const envp[], const char *folder,
                const int *descriptors, int count, int ignored) {
  struct par_confinement confined = {.ignored = ignored};
  return par_spawn_confined(path, argv, envp, folder, descriptors, count, &confined, NULL);
}
pid_t par_spawn_in_group(const char *path, char *const argv[], char *const envp[],
                         const char *folder, const int *descriptors, int count) {
  struct par_confinement confined = {.same_session = true};
  return par_spawn_confined(path, argv, envp, folder, descriptors, count, &confined, NULL);
}

// Asks `question` in a child that becomes the user; what it answers is an errno, 0 for yes.
static int ask_as(uint32_t user, uint32_t group, int (*question)(const char *, int), const char *path,
                  int mode) {
  if (user == 0) {
    errno = EINVAL;
    return -1;
  }
  struct par_confinement confined = {.user = user, .group = group};
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    if (become_user(&confined) < 0) _exit(errno);
    _exit(question(path, mode) < 0 ? errno : 0);
  }
  int saved = errno, status = 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = saved;
  if (child < 0) return -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
  return errno ? -1 : 0;
}
static int kill_all(const char *path, int number) {
  (void)path;
  return kill(-1, number);
}
int par_kill_user(uint32_t user, uint32_t group) {
  // Whoever is to be killed can kill the child that asks, for it is of the same user then.
  for (int turn = 0; turn < 8; turn++) {
    if (ask_as(user, group, kill_all, NULL, SIGKILL) == 0) return 0;
    if (errno != EINTR) return -1;
  }
  return -1;
}
int par_access_as(uint32_t user, uint32_t group, const char *path, int mode) {
  return ask_as(user, group, access, path, mode);
}
bool par_has_attribute(const char *path, const char *name) {
  return getxattr(path, name, NULL, 0) >= 0;
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) < 0) return -1;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
int64_t par_boottime_ns(void) { return clock_ns(CLOCK_BOOTTIME); }
int64_t par_monotonic_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t par_realtime_ns(void) { return clock_ns(CLOCK_REALTIME); }
int64_t par_cpu_ns(void) { return clock_ns(CLOCK_PROCESS_CPUTIME_ID); }

int64_t par_process_start_boottime_ns(void) {
  char text[1024];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return -1;
  text[length] = 0;
  char *field = strrchr(text, ')');  // the name before it may hold blanks and parentheses
  if (!field) return -1;
  for (int number = 2; number < 22; number++) {
    field = strchr(field + 1, ' ');
    if (!field) return -1;
  }
  return (int64_t)strtoull(field + 1, NULL, 10) * (1000000000 / sysconf(_SC_CLK_TCK));
}

int par_cpu_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

int64_t par_resident_bytes(void) {
  char text[128];
  int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return -1;
  text[length] = 0;
  char *second = strchr(text, ' ');
  return second ? (int64_t)strtoll(second, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

// libcrypto's EVP digest interface (EVP_DigestInit(3ssl)), bound by name at first use.
static struct {
  void *(*new_context)(void);
  void (*free_context)(void *);
  const void *(*sha256)(void);
  int (*init)(void *, const void *, void *);
  int (*update)(void *, const void *, size_t);
  int (*final)(void *, unsigned char *, unsigned *);
  bool usable;
} crypto;
static pthread_once_t crypto_once = PTHREAD_ONCE_INIT;

static void open_crypto(void) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  *(void **)&crypto.new_context = dlsym(library, "EVP_MD_CTX_new");
  *(void **)&crypto.free_context = dlsym(library, "EVP_MD_CTX_free");
  *(void **)&crypto.sha256 = dlsym(library, "EVP_sha256");
  *(void **)&crypto.init = dlsym(library, "EVP_DigestInit_ex");
  *(void **)&crypto.update = dlsym(library, "EVP_DigestUpdate");
  *(void **)&crypto.final = dlsym(library, "EVP_DigestFinal_ex");
  crypto.usable = crypto.new_context && crypto.free_context && crypto.sha256 && crypto.init &&
                  crypto.update && crypto.final;
}
void *par_sha256_new(void) {
  pthread_once(&crypto_once, open_crypto);
  if (!crypto.usable) return NULL;
  void *context = crypto.new_context();
  if (context && !crypto.init(context, crypto.sha256(), NULL)) {
    crypto.free_context(context);
    return NULL;
  }
  return context;
}
int par_sha256_update(void *context, const void *bytes, size_t count) {
  return crypto.update(context, bytes, count) ? 0 : -1;
}
int par_sha256_finish(void *context, uint8_t digest[32]) {
  unsigned length = 0;
  int done = crypto.final(context, digest, &length);
  crypto.free_context(context);
  return done && length == 32 ? 0 : -1;
}

int par_stat_mtime_ns(const struct stat *status, int64_t *modified, int64_t *changed) {
  *modified = (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
  *changed = (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec;
  return 0;
}
int par_flock_try(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }
const char *par_libc_version(void) { return gnu_get_libc_version(); }
int par_flock_shared_try(int fd) { return flock(fd, LOCK_SH | LOCK_NB); }
int par_terminal_columns(int fd) {
  struct winsize size = {0};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int par_inotify_init(void) { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

int par_inotify_watch_folder(int inotify, const char *path) {
    return inotify_add_watch(inotify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

int par_inotify_watch_file(int inotify, const char *path) {
    return inotify_add_watch(inotify, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
}
