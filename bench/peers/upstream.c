// The agent of bench/proxy: a server of HTTP/1.1 on a Unix socket that costs little, so that it is
// not what is measured.  upstream SOCKET
//
//   GET  /json           SMALL_JSON
//   GET  /bytes/N        N bytes of the pattern that load.c expects too
//   POST /sum            how many bytes came and their sum: {"bytes":…,"sum":…}
//   GET  /events/N/R     N server-sent events, one write each, R a second (0: as many as are taken)
//   GET  /idle           one event, and no end
//   GET  /socket         a WebSocket on which nothing is said
//
// Reads heads as a well-behaved proxy writes them, and bodies with a Content-Length alone.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"

enum { MAX_FDS = 65536, HEAD_BYTES = 16384, PIECE = 262144, EVENTS = 256 };

typedef struct {
  int fd;
  size_t have;  // bytes of a head that is not whole yet
  char head[HEAD_BYTES];
  // A request's body.
  uint64_t body_left, body_bytes, body_sum;
  int reading_body;
  // A response.
  char start[256];
  size_t start_length, start_sent, body_sent, body_length;
  // A stream of events.
  uint64_t events_left, event_number;
  int64_t interval, next;
} Connection;

static Connection *connections[MAX_FDS];
static int epoll, streams;
static int streaming[MAX_FDS];
static char piece[PIECE];

#define SMALL_JSON "{\"message\":\"hello\",\"items\":[1,2,3,4,5,6,7,8,9,10],\"ok\":true}"

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void forget_stream(Connection *one) {
  for (int i = 0; i < streams; i++)
    if (streaming[i] == one->fd) streaming[i] = streaming[--streams];
}

static void end(Connection *one) {
  forget_stream(one);
  connections[one->fd] = NULL;
  close(one->fd);
  free(one);
}

// 1: all is sent, 0: the socket is full, -1: it has ended.
static int pump(Connection *one) {
  while (one->start_sent < one->start_length || one->body_sent < one->body_length) {
    struct iovec parts[2];
    int count = 0;
    if (one->start_sent < one->start_length)
      parts[count++] = (struct iovec){one->start + one->start_sent, one->start_length - one->start_sent};
    if (one->body_sent < one->body_length)
      parts[count++] =
          (struct iovec){(char *)pattern + one->body_sent, one->body_length - one->body_sent};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    ssize_t sent = sendmsg(one->fd, &message, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? 0 : -1;
    size_t of_start = one->start_length - one->start_sent;
    if ((size_t)sent < of_start) of_start = (size_t)sent;
    one->start_sent += of_start;
    one->body_sent += (size_t)sent - of_start;
  }
  return 1;
}

// The same for a stream: an event at a time.
static int pump_events(Connection *one) {
  for (;;) {
    int done = pump(one);
    if (done != 1) return done;
    if (!one->event_number && !one->events_left) return 1;
    if (one->events_left) {
      int64_t time = one->interval ? now() : 0;
      if (one->next > time) return 1;
      one->next += one->interval;
      char event[EVENT_BYTES + 1];
      event_text(event, one->event_number++);
      one->events_left--;
      one->start_length =
          (size_t)sprintf(one->start, "%x\r\n%s\r\n%s", EVENT_BYTES, event, one->events_left ? "" : "0\r\n\r\n");
      one->start_sent = 0;
    } else {
      one->event_number = 0;
      forget_stream(one);
      return 1;
    }
  }
}

static void respond(Connection *one, size_t length, const char *text) {
  one->body_sent = one->body_length = 0;
  one->start_sent = 0;
  one->start_length = (size_t)sprintf(
      one->start, "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
      text ? "application/json" : "application/octet-stream", text ? strlen(text) : length,
      text ? text : "");
  if (!text) one->body_length = length;
}

static int began(Connection *one, char *head) {
  uint64_t count = 0, rate = 0;
  if (!strncmp(head, "GET /json", 9)) {
    respond(one, 0, SMALL_JSON);
  } else if (sscanf(head, "GET /bytes/%lu", &count) == 1 && count <= PATTERN_BYTES) {
    respond(one, count, NULL);
  } else if (sscanf(head, "GET /events/%lu/%lu", &count, &rate) == 2 && count) {
    one->start_sent = one->body_sent = one->body_length = 0;
    one->start_length = (size_t)sprintf(one->start,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    one->events_left = count;
    one->interval = rate ? (int64_t)(1000000000 / rate) : 0;
    one->next = one->interval ? now() : 0;
    streaming[streams++] = one->fd;
    return pump_events(one);
  } else if (!strncmp(head, "GET /idle", 9)) {
    one->body_sent = one->body_length = one->start_sent = 0;
    one->start_length = (size_t)sprintf(one->start,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "9\r\ndata: 0\n\n\r\n");
  } else if (!strncmp(head, "GET /socket", 11)) {
    one->body_sent = one->body_length = one->start_sent = 0;
    one->start_length = (size_t)sprintf(one->start,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  } else if (!strncmp(head, "POST /sum", 9)) {
    char *field = strcasestr(head, "\r\ncontent-length:");
    one->reading_body = 1;
    one->body_left = field ? strtoull(field + 17, NULL, 10) : 0;
    one->body_bytes = one->body_sum = 0;
    return 1;
  } else {
    char *line = strpbrk(head, "\r\n");
    fprintf(stderr, "upstream: not served: %.*s\n", (int)(line ? line - head : 80), head);
    return -1;
  }
  return pump(one);
}

static int readable(Connection *one) {
  for (;;) {
    ssize_t count = recv(one->fd, piece, PIECE, 0);
    if (count == 0) return -1;
    if (count < 0) return errno == EAGAIN ? 0 : -1;
    char *at = piece, *limit = piece + count;
    while (at < limit || (one->reading_body && !one->body_left)) {
      if (one->reading_body) {
        size_t take = (size_t)(limit - at);
        if (take > one->body_left) take = one->body_left;
        one->body_sum += sum_of((uint8_t *)at, take);
        one->body_bytes += take;
        one->body_left -= take;
        at += take;
        if (one->body_left) break;
        one->reading_body = 0;
        char text[100];
        sprintf(text, "{\"bytes\":%lu,\"sum\":%lu}", one->body_bytes, one->body_sum);
        respond(one, 0, text);
        if (pump(one) < 0) return -1;
        continue;
      }
      size_t room = HEAD_BYTES - 1 - one->have, take = (size_t)(limit - at) < room ? (size_t)(limit - at) : room;
      memcpy(one->head + one->have, at, take);
      one->head[one->have + take] = 0;
      char *ends = memmem(one->head, one->have + take, "\r\n\r\n", 4);
      if (!ends) {
        one->have += take;
        at += take;
        if (one->have == HEAD_BYTES - 1) return -1;
        continue;
      }
      at += (size_t)(ends + 4 - one->head) - one->have;
      one->have = 0;
      ends[2] = 0;
      if (began(one, one->head) < 0) return -1;
    }
    if (count < PIECE) return 0;
  }
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  pattern_init();
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, arguments[1], sizeof name.sun_path - 1);
  unlink(arguments[1]);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (struct sockaddr *)&name, sizeof name) || listen(listener, 4096)) {
    perror("upstream: listen");
    return 1;
  }
  epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int64_t next = -1, time = streams ? now() : 0;
    for (int i = 0; i < streams; i++) {
      Connection *one = connections[streaming[i]];
      if (!one->interval || one->start_sent < one->start_length) continue;
      int64_t left = one->next > time ? one->next - time : 0;
      if (next < 0 || left < next) next = left;
    }
    struct timespec limit = {next / 1000000000, next % 1000000000};
    int ready = epoll_pwait2(epoll, events, EVENTS, next < 0 ? NULL : &limit, NULL);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int new;
        while ((new = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          connections[new] = calloc(1, sizeof(Connection));
          connections[new]->fd = new;
          event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = new};
          epoll_ctl(epoll, EPOLL_CTL_ADD, new, &event);
        }
        continue;
      }
      Connection *one = connections[fd];
      if (!one) continue;
      int result = 0;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) result = readable(one);
      if (result >= 0 && events[i].events & EPOLLOUT)
        result = one->events_left || one->event_number ? pump_events(one) : pump(one);
      if (result < 0) end(one);
    }
    if (next >= 0) {
      time = now();
      for (int i = streams - 1; i >= 0; i--) {
        Connection *one = connections[streaming[i]];
        if (one->interval && one->next <= time && pump_events(one) < 0) end(one);
      }
    }
  }
}
