// What Swift's Glibc module leaves out: calls that are GNU-only, variadic or macros,
// and the one way this program starts a child.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/types.h>

// epoll(7). Thin renamings, because the constants are macros or enums of the wrong type.
extern const uint32_t PAR_EPOLLIN, PAR_EPOLLOUT, PAR_EPOLLRDHUP, PAR_EPOLLHUP, PAR_EPOLLERR,
    PAR_EPOLLET, PAR_EPOLLEXCLUSIVE, PAR_EPOLLONESHOT;
int par_epoll_create(void);                                            // EPOLL_CLOEXEC
int par_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int par_epoll_modify(int epoll, int fd, uint32_t events, uint64_t token);
int par_epoll_remove(int epoll, int fd);
// Waits with a nanosecond time-out (epoll_pwait2, Linux 5.11; milliseconds, rounded up, before);
// a negative time-out waits for ever. Returns the count, or -1 with errno.
int par_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns);
static inline uint64_t par_epoll_token(const struct epoll_event *event) { return event->data.u64; }

// recv(2), and send(2) with MSG_NOSIGNAL, without being cancellation points: in a program with threads
// the C library's calls pay for that with two locked instructions each. No thread here is cancelled.
ssize_t par_receive(int fd, void *bytes, size_t count);
ssize_t par_transmit(int fd, const void *bytes, size_t count);

int par_eventfd(void);                    // non-blocking, close-on-exec, counter 0
int par_signalfd(const sigset_t *mask);   // non-blocking, close-on-exec
int par_accept(int listener);             // accept4: non-blocking, close-on-exec
int par_pipe(int ends[2]);                // pipe2: close-on-exec
int par_datagram_pair(int ends[2]);       // AF_UNIX, SOCK_DGRAM: close-on-exec
int par_set_nonblocking(int fd);
int par_set_cloexec(int fd, bool on);
int par_pidfd_open(pid_t pid);           // readable when the process has ended
int par_memory_file(const char *name);    // memfd_create: close-on-exec
bool par_has_sealed_size(int fd);         // of such a file: its size stays
int par_seal_size(int fd);                // of such a file: nobody changes it any more
void par_open_standard_descriptors(void); // /dev/null for each of 0, 1, 2 that is closed
int64_t par_raise_nofile(void);           // RLIMIT_NOFILE, soft to hard; the limit now, or -1
int par_set_subreaper(void);              // PR_SET_CHILD_SUBREAPER
int par_rename_noreplace(const char *from, const char *to);  // renameat2 RENAME_NOREPLACE
int par_rename_exchange(const char *left, const char *right);  // renameat2 RENAME_EXCHANGE
// openat2 with RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS (and RESOLVE_NO_SYMLINKS when asked), O_CLOEXEC.
// Where a filter refuses that call, the same step by step.
int par_open_beneath(int folder, const char *path, int flags, unsigned mode, bool no_symlinks);
int par_open_beneath_stepwise(int folder, const char *path, int flags, unsigned mode,
                              bool no_symlinks);
ssize_t par_sendfile(int out, int in, int64_t *offset, size_t count);
int par_open(const char *path, int flags, unsigned mode);      // open is variadic
int par_open_at(int folder, const char *path, int flags, unsigned mode);  // close-on-exec
int par_flock_exclusive(int fd);                               // waits; restarts on EINTR
int par_thread_name(const char *name);                         // of the calling thread, 15 bytes

// A socket's address, as text ("10.0.0.1", "::1", "" for a Unix socket); writes the port too.
int par_peer_address(int fd, char *text, size_t capacity, uint16_t *port);
// A listening TCP socket: SO_REUSEADDR, never SO_REUSEPORT, TCP_NODELAY (which connections inherit),
// non-blocking, close-on-exec.
// `address` is a numeric IPv4 or IPv6 address. -1 with errno (EINVAL: not an address).
int par_listen_tcp(const char *address, uint16_t port, int backlog, uint16_t *bound_port);
int par_listen_unix(const char *path, int backlog);
int par_connect_unix(const char *path);   // non-blocking; 0 < fd at once, errno EINPROGRESS/EAGAIN
// To 127.0.0.1, non-blocking, TCP_NODELAY; `connecting` says that epoll tells when it is done.
int par_connect_loopback(uint16_t port, bool *connecting);
int par_connect_tcp_blocking(const char *address, uint16_t port, int timeout_ms);
int par_set_nodelay(int fd);
// TCP keep-alive, and what is sent but not taken: a peer that answers nothing for `unacknowledged_ms`
// counts as gone (ETIMEDOUT). Where nothing is under way it is asked from half of `silent_ms` (at
// least 2 s) on, and TCP_USER_TIMEOUT decides there as well, not the number of questions: tcp(7).
int par_set_vanishing(int fd, int64_t silent_ms, int64_t unacknowledged_ms);
int par_socket_error(int fd);             // SO_ERROR, taken off; or errno
// AF_UNIX, SOCK_DGRAM: non-blocking, close-on-exec.
int par_datagram_socket(void);
// One datagram, without waiting, to a path or (`@` first) an abstract name, unix(7). 0, or -1 with
// errno: EAGAIN when the receiver's queue is full, EAFNOSUPPORT for another kind of address.
int par_send_datagram(int fd, const char *address, const void *bytes, size_t count);
// What a listening stream socket is bound to: an address and port, or a Unix socket's path (`@name`
// for an abstract one, "" for none) and 0. -1 with errno: EPROTOTYPE no stream socket, EINVAL not
// listening, EAFNOSUPPORT neither IP nor Unix.
int par_listening_address(int fd, char *text, size_t capacity, uint16_t *port);

// wait(2)'s status word.
bool par_exited(int status);
int par_exit_status(int status);
bool par_signaled(int status);
int par_termination_signal(int status);

// Starts `path` with vfork semantics: its own session, an empty signal mask, default signal
// dispositions, SIGKILL when the calling thread ends (PR_SET_PDEATHSIG), `descriptors[i]` as
// descriptor i (-1: /dev/null), everything from `count` on closed. `folder` may be NULL.
// posix_spawn(3) can do all of this but the parent-death signal. The signal `ignored` (0: none)
// stays ignored until the program sets a handler of its own. A raised limit of open files is what it
// was (par_raise_nofile).
// Returns the process id, or -1 with errno, which is execve's or chdir's too.
pid_t par_spawn(const char *path, char *const argv[], char *const envp[], const char *folder,
                const int *descriptors, int count, int ignored);

// How a child differs from that. All zero: as par_spawn starts it.
struct par_confinement {
  bool same_session;      // it stays in the caller's session and process group
  bool outlives_parent;   // no parent-death signal
  int ignored;            // as for par_spawn
  bool has_user;          // it becomes `user` and `group`, without other groups
  uint32_t user, group;
  bool has_control_group; // `control_group` is a cgroup.procs that it writes itself into (cgroups(7))
  int control_group;
  bool is_private;        // umask 077, no core dumps, PR_SET_NO_NEW_PRIVS
  bool is_expendable;     // the out-of-memory killer takes it before its parent
  int nice;               // above 0: its nice value
  int64_t most_descriptors;  // above 0: the hard limit of open files, unless it is lower already
  int64_t most_data;         // above 0: of bytes of private memory (RLIMIT_DATA), likewise
};
// oom_score_adj of what is expendable, unless it is higher already (proc_pid_oom_score_adj(5)).
#define PAR_OOM_SCORE_OF_AGENTS 300
#define PAR_OOM_SCORE_TEXT "300"

// Which step of a start failed.
enum { PAR_SPAWN_PREPARE, PAR_SPAWN_CONTROL_GROUP, PAR_SPAWN_USER, PAR_SPAWN_FOLDER, PAR_SPAWN_EXECUTE };

// As par_spawn; `failed_step` (may be NULL) tells one of the above when it returns -1.
pid_t par_spawn_confined(const char *path, char *const argv[], char *const envp[],
                         const char *folder, const int *descriptors, int count,
                         const struct par_confinement *confined, int *failed_step);

// The same without a session of its own: the child stays in the caller's process group, so that
// whoever kills that group reaches it and what it starts.
pid_t par_spawn_in_group(const char *path, char *const argv[], char *const envp[],
                         const char *folder, const int *descriptors, int count);

// SIGKILL to every process of a user, from a child that becomes that user (kill(2) with -1): nobody
// of them can start another one meanwhile. For root. 0 (also when there is none), or -1 with errno.
int par_kill_user(uint32_t user, uint32_t group);
// access(2) as another user, asked by a child that becomes that user. For root. 0, or -1 with errno.
int par_access_as(uint32_t user, uint32_t group, const char *path, int mode);
// Whether a file has an extended attribute (getxattr(2)).
bool par_has_attribute(const char *path, const char *name);

// Nanoseconds of CLOCK_BOOTTIME at which this process started (/proc/self/stat field 22, clock
// ticks: 10 ms resolution on most kernels), or -1.
int64_t par_process_start_boottime_ns(void);
int64_t par_boottime_ns(void);
int64_t par_monotonic_ns(void);
int64_t par_realtime_ns(void);
int64_t par_cpu_ns(void);                 // of all threads of this process, without its children
int par_cpu_count(void);                  // of this process's affinity mask
int64_t par_resident_bytes(void);         // of this process

// SHA-256 by the system's libcrypto, opened on first use (start-up does not pay for it).
// par_sha256_new returns NULL when libcrypto cannot be opened.
void *par_sha256_new(void);
int par_sha256_update(void *context, const void *bytes, size_t count);
int par_sha256_finish(void *context, uint8_t digest[32]);      // frees the context

// st_mtim and st_ctim in nanoseconds since 1970.
int par_stat_mtime_ns(const struct stat *status, int64_t *modified, int64_t *changed);
int par_flock_try(int fd);                                     // EWOULDBLOCK when another has it
int par_flock_shared_try(int fd);
const char *par_libc_version(void);                             // as "2.36"
int par_inotify_init(void);                  // non-blocking, close-on-exec
// Watches a name: a folder for files that come into it, a file for what is done to it. Negative: errno.
int par_inotify_watch_folder(int inotify, const char *path);
int par_inotify_watch_file(int inotify, const char *path);
int par_terminal_columns(int fd);           // TIOCGWINSZ; 0: no terminal, or one of unknown width
#endif
