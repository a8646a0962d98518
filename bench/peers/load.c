// The client of bench/proxy: asks over kept connections and compares every byte of every body.
//
//   load TARGET CONNECTIONS SECONDS RATE METHOD PATH BODY EXPECTED
//
// TARGET    a port on 127.0.0.1, or the path of a Unix socket; several with a comma between them: the
//           connections take them in turn, and each has one path of PATH's
// RATE      requests a second, evenly spaced, whatever the answers take; 0: each connection asks
//           again as soon as it is answered
// PATH      with {N} in it: N paths, with 0 to N - 1 in its place, which each connection takes in turn
// BODY      bytes of the pattern to send with a Content-Length, 0: none
// EXPECTED  bytes:N the pattern, events:N as upstream.c numbers them, text:… exactly, any
//
// Prints one line of JSON. Times are in microseconds, with a rate from when a request was due.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

enum { PIECE = 262144, EVENTS = 256, HEAD_BYTES = 16384, SUB = 64, STEPS = 40 * SUB };

typedef struct {
  int fd, busy, has_head, chunked;
  int path;                      // of its request
  char head[HEAD_BYTES];
  size_t have, sent;
  int64_t due;
  uint64_t left, got;            // of a length; of a chunk; body bytes so far
  int state;                     // chunked: 0 size, 1 data, 2 CR LF after data, 3 the last line
  int skip;
} Connection;

static Connection *all;
static int *idle, idle_count, count_connections;
static char **requests, *expected, *piece;
static size_t *request_lengths;
static int paths, keeps_path;
static uint64_t expected_length, answered, events_per_answer;
static int expect_any, epoll;
static uint64_t histogram[STEPS];
static int64_t longest;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

__attribute__((noreturn)) static void wrong(const char *what, Connection *one) {
  fprintf(stderr, "load: %s (after %lu answers, %lu bytes of this one)\n%.300s\n", what, answered,
          one ? one->got : 0, one ? one->head : "");
  exit(1);
}

static void note(int64_t took) {
  if (took > longest) longest = took;
  uint64_t value = took < SUB ? SUB : (uint64_t)took;
  int exponent = 63 - __builtin_clzll(value) - 6;
  int step = exponent * SUB + (int)(value >> exponent) - SUB;
  histogram[step < STEPS ? step : STEPS - 1]++;
}

static double quantile(double part) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < STEPS; i++) total += histogram[i];
  for (int i = 0; i < STEPS; i++) {
    seen += histogram[i];
    if (seen && (double)seen >= part * (double)total)
      return (double)((uint64_t)(i % SUB + SUB) << (i / SUB)) / 1000;
  }
  return 0;
}

static void go_on(Connection *one) {
  const char *request = requests[one->path];
  size_t request_length = request_lengths[one->path];
  while (one->sent < request_length) {
    ssize_t sent = send(one->fd, request + one->sent, request_length - one->sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) return;
      wrong("a connection does not take the request", one);
    }
    one->sent += (size_t)sent;
  }
}

static void ask(Connection *one, int64_t due) {
  one->busy = 1;
  if (!keeps_path && ++one->path == paths) one->path = 0;
  one->sent = one->have = one->has_head = 0;
  one->got = 0;
  one->due = due;
  go_on(one);
}

// Body bytes: they are what is expected.
static void take(Connection *one, const char *bytes, size_t count) {
  if (!expect_any && (one->got + count > expected_length || memcmp(expected + one->got, bytes, count)))
    wrong("a body is not what it should be", one);
  one->got += count;
}

// Returns 1 when the response is whole; `*at` is moved.
static int body(Connection *one, const char **at, const char *limit) {
  if (!one->chunked) {
    size_t count = (size_t)(limit - *at);
    if (count > one->left) count = one->left;
    take(one, *at, count);
    *at += count;
    return (one->left -= count) == 0;
  }
  while (*at < limit) {
    if (one->state == 1) {
      size_t count = (size_t)(limit - *at);
      if (count > one->left) count = one->left;
      take(one, *at, count);
      *at += count;
      if (!(one->left -= count)) one->state = 2, one->skip = 2;
      continue;
    }
    char byte = *(*at)++;
    if (one->state == 2) {
      if (!--one->skip) one->state = 0, one->left = 0;
    } else if (one->state == 3) {
      if (!--one->skip) return 1;
    } else if (byte == '\n') {
      if (one->left) one->state = 1;
      else one->state = 3, one->skip = 2;
    } else if (byte != '\r') {
      int digit = byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10;
      if (digit < 0 || digit > 15) wrong("a chunk's size is none", one);
      one->left = one->left * 16 + (uint64_t)digit;
    }
  }
  return 0;
}

static void head(Connection *one, const char **at, const char *limit) {
  size_t room = HEAD_BYTES - 1 - one->have, count = (size_t)(limit - *at);
  if (count > room) count = room;
  memcpy(one->head + one->have, *at, count);
  one->head[one->have + count] = 0;
  char *ends = memmem(one->head, one->have + count, "\r\n\r\n", 4);
  if (!ends) {
    one->have += count;
    *at += count;
    if (one->have == HEAD_BYTES - 1) wrong("a head is too long", one);
    return;
  }
  *at += (size_t)(ends + 4 - one->head) - one->have;
  ends[2] = 0;
  if (strncmp(one->head, "HTTP/1.1 200", 12)) wrong("not 200", one);
  char *length = strcasestr(one->head, "\ncontent-length:");
  one->chunked = !length;
  if (length) one->left = strtoull(length + 16, NULL, 10);
  else if (strcasestr(one->head, "\ntransfer-encoding: chunked")) one->left = 0, one->state = 0;
  else wrong("a response without a length", one);
  one->has_head = 1;
}

// Returns 1 when a response came to its end.
static int readable(Connection *one) {
  for (;;) {
    ssize_t count = recv(one->fd, piece, PIECE, 0);
    if (count == 0) wrong("a connection was closed", one);
    if (count < 0) {
      if (errno == EAGAIN) return 0;
      wrong("a connection was reset", one);
    }
    if (!one->busy) wrong("a response that nobody asked for", one);
    const char *at = piece, *limit = piece + count;
    while (at < limit || (one->has_head && !one->chunked && !one->left)) {
      if (!one->has_head) {
        head(one, &at, limit);
        continue;
      }
      if (body(one, &at, limit)) {
        if (!expect_any && one->got != expected_length) wrong("a body is too short", one);
        if (at != limit) wrong("bytes after a response", one);
        one->busy = 0;
        return 1;
      }
    }
    if (count < PIECE) return 0;
  }
}

static int dial(const char *target) {
  int fd;
  if (target[0] == '/') {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, target, sizeof name.sun_path - 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name)) return -1;
  } else {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(target)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&name, sizeof name)) return -1;
  }
  return fd;
}

int main(int count, char **arguments) {
  if (count != 9) return 2;
  count_connections = atoi(arguments[2]);
  double seconds = atof(arguments[3]), rate = atof(arguments[4]);
  size_t body_length = (size_t)atol(arguments[7]);
  pattern_init();
  prctl(PR_SET_TIMERSLACK, 1UL);
  piece = malloc(PIECE);
  char length[64] = "";
  if (body_length) sprintf(length, "Content-Length: %zu\r\n", body_length);
  char *brace = strchr(arguments[6], '{'), *after = brace ? strchr(brace, '}') : NULL;
  paths = after ? atoi(brace + 1) : 1;
  if (paths < 1) return 2;
  requests = calloc((size_t)paths, sizeof *requests);
  request_lengths = calloc((size_t)paths, sizeof *request_lengths);
  for (int i = 0; i < paths; i++) {
    char path[512];
    if (after)
      snprintf(path, sizeof path, "%.*s%d%s", (int)(brace - arguments[6]), arguments[6], i, after + 1);
    else
      snprintf(path, sizeof path, "%s", arguments[6]);
    requests[i] = malloc(1024 + body_length);
    // What a client sends besides, as curl and httpx do.
    request_lengths[i] = (size_t)snprintf(requests[i], 1024,
        "%s %s HTTP/1.1\r\nHost: bench.example:8080\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip, deflate\r\n%s\r\n", arguments[5], path, length);
    memcpy(requests[i] + request_lengths[i], pattern, body_length);
    request_lengths[i] += body_length;
  }
  events_per_answer = 0;
  if (!strncmp(arguments[8], "bytes:", 6)) {
    expected = (char *)pattern;
    expected_length = strtoull(arguments[8] + 6, NULL, 10);
  } else if (!strncmp(arguments[8], "events:", 7)) {
    events_per_answer = strtoull(arguments[8] + 7, NULL, 10);
    expected_length = events_per_answer * EVENT_BYTES;
    expected = malloc(expected_length + 1);
    for (uint64_t i = 0; i < events_per_answer; i++) event_text(expected + i * EVENT_BYTES, i);
  } else if (!strncmp(arguments[8], "text:", 5)) {
    expected = arguments[8] + 5;
    expected_length = strlen(expected);
  } else {
    expect_any = 1;
  }
  epoll = epoll_create1(0);
  all = calloc((size_t)count_connections, sizeof *all);
  idle = calloc((size_t)count_connections, sizeof *idle);
  char *targets[1024];
  int target_count = 0;
  for (char *one = strtok(arguments[1], ","); one && target_count < 1024; one = strtok(NULL, ","))
    targets[target_count++] = one;
  keeps_path = target_count > 1;
  for (int i = 0; i < count_connections; i++) {
    all[i].fd = dial(targets[i % target_count]);
    all[i].path = i % (keeps_path ? target_count : paths);
    if (all[i].path >= paths) return 2;
    if (all[i].fd < 0) wrong("a connection is refused", NULL);
    fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &all[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    idle[idle_count++] = i;
  }
  struct epoll_event events[EVENTS];
  int64_t started = now(), end = started + (int64_t)(seconds * 1e9), time = started;
  int64_t step = rate > 0 ? (int64_t)(1e9 / rate) : 0, next = started;
  int busy = 0;
  if (!step)
    while (idle_count) ask(&all[idle[--idle_count]], started), busy++;
  // After the time is over, what was asked is waited for.
  while (time < end || busy) {
    while (step && next <= time && next < end && idle_count) {
      ask(&all[idle[--idle_count]], next);
      busy++;
      next += step;
    }
    if (step && next >= end && !busy) break;
    int64_t wait = -1;
    if (step && idle_count && next < end) wait = next > time ? next - time : 0;
    struct timespec limit = {wait / 1000000000, wait % 1000000000};
    int ready = epoll_pwait2(epoll, events, EVENTS, wait < 0 ? NULL : &limit, NULL);
    time = now();
    for (int i = 0; i < ready; i++) {
      Connection *one = events[i].data.ptr;
      if (one->busy && one->sent < request_lengths[one->path] && events[i].events & EPOLLOUT) go_on(one);
      if (!(events[i].events & ~(uint32_t)EPOLLOUT) || !readable(one)) continue;
      answered++;
      note(now() - one->due);
      if (!step && time < end) {
        ask(one, now());
      } else {
        busy--;
        idle[idle_count++] = (int)(one - all);
      }
    }
    if (time > end + 60000000000LL) wrong("no answer for a minute", NULL);
  }
  double took = (double)(now() - started) / 1e9;
  printf("{\"answers\":%lu,\"events\":%lu,\"seconds\":%.6f,\"rate\":%.1f,\"p50\":%.2f,\"p90\":%.2f,"
         "\"p99\":%.2f,\"p999\":%.2f,\"max\":%.2f}\n",
         answered, answered * events_per_answer, took, (double)answered / took, quantile(0.5),
         quantile(0.9), quantile(0.99), quantile(0.999), (double)longest / 1000);
  return 0;
}
