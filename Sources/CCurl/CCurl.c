#define _GNU_SOURCE
#include "CCurl.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Options that only this file sets.
enum {
  ERRORBUFFER = 10010,
  WRITEDATA = 10001,
  WRITEFUNCTION = 20011,
  HTTPHEADER = 10023,
  HEADERDATA = 10029,
  HEADERFUNCTION = 20079,
  OPENSOCKETFUNCTION = 20163,
  OPENSOCKETDATA = 10164,
};
enum { ERROR_SIZE = 256, GLOBAL_DEFAULT = 3, OUT_OF_MEMORY = 27 };

struct slist;

static struct {
  int (*global_init)(long);
  void *(*init)(void);
  void (*cleanup)(void *);
  int (*setopt)(void *, int, ...);
  int (*getinfo)(void *, int, ...);
  int (*perform)(void *);
  const char *(*strerror)(int);
  struct slist *(*append)(struct slist *, const char *);
  void (*free_all)(struct slist *);
  void *(*url)(void);
  void (*url_cleanup)(void *);
  int (*url_get)(void *, int, char **, unsigned);
  int (*url_set)(void *, int, const char *, unsigned);
  void (*free)(void *);
  const char *problem;
} curl;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void open_library(void) {
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    curl.problem = reason ? strdup(reason) : "it cannot be opened";
    return;
  }
  const struct {
    void *place;
    const char *name;
  } symbols[] = {
      {&curl.global_init, "curl_global_init"},
      {&curl.init, "curl_easy_init"},
      {&curl.cleanup, "curl_easy_cleanup"},
      {&curl.setopt, "curl_easy_setopt"},
      {&curl.getinfo, "curl_easy_getinfo"},
      {&curl.perform, "curl_easy_perform"},
      {&curl.strerror, "curl_easy_strerror"},
      {&curl.append, "curl_slist_append"},
      {&curl.free_all, "curl_slist_free_all"},
      {&curl.url, "curl_url"},
      {&curl.url_cleanup, "curl_url_cleanup"},
      {&curl.url_get, "curl_url_get"},
      {&curl.url_set, "curl_url_set"},
      {&curl.free, "curl_free"},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *found = dlsym(library, symbols[i].name);
    if (!found) {
      curl.problem = "it is older than 7.62";  // the first one with curl_url
      return;
    }
    *(void **)symbols[i].place = found;
  }
  if (curl.global_init(GLOBAL_DEFAULT) != 0) curl.problem = "curl_global_init failed";
}

const char *par_curl_open(void) {
  pthread_once(&once, open_library);
  return curl.problem;
}

struct par_curl {
  void *easy;
  struct slist *fields;
  struct par_curl_hooks hooks;
  void *context;
  char error[ERROR_SIZE];
};

static size_t take_head(char *bytes, size_t size, size_t count, void *context) {
  par_curl *transfer = context;
  return transfer->hooks.head_line(transfer->context, bytes, size * count) ? size * count : 0;
}
static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  par_curl *transfer = context;
  // 0 is an error only when there was something to take, and libcurl never calls with nothing.
  return transfer->hooks.body(transfer->context, bytes, size * count) ? size * count : 0;
}

// struct curl_sockaddr
struct target {
  int family;
  int type;
  int protocol;
  unsigned length;
  struct sockaddr address;
};
static int open_socket(void *context, int purpose, struct target *target) {
  (void)purpose;
  par_curl *transfer = context;
  // The address is longer than a plain sockaddr says: copied whole, it can be read as what it is.
  struct sockaddr_storage storage;
  memset(&storage, 0, sizeof storage);
  if (target->length > sizeof storage) return -1;
  memcpy(&storage, (const char *)target + offsetof(struct target, address), target->length);
  bool allowed = false;
  if (target->family == AF_INET && target->length >= sizeof(struct sockaddr_in)) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&storage;
    allowed = transfer->hooks.may_connect(transfer->context, (const uint8_t *)&v4->sin_addr, 4);
  } else if (target->family == AF_INET6 && target->length >= sizeof(struct sockaddr_in6)) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&storage;
    allowed = transfer->hooks.may_connect(transfer->context, v6->sin6_addr.s6_addr, 16);
  }
  return allowed ? socket(target->family, target->type | SOCK_CLOEXEC, target->protocol) : -1;
}

par_curl *par_curl_new(const struct par_curl_hooks *hooks, void *context) {
  par_curl *transfer = calloc(1, sizeof *transfer);
  if (!transfer) return NULL;
  transfer->hooks = *hooks;
  transfer->context = context;
  transfer->easy = curl.init();
  if (!transfer->easy) {
    free(transfer);
    return NULL;
  }
  curl.setopt(transfer->easy, ERRORBUFFER, transfer->error);
  curl.setopt(transfer->easy, HEADERFUNCTION, take_head);
  curl.setopt(transfer->easy, HEADERDATA, transfer);
  curl.setopt(transfer->easy, WRITEFUNCTION, take_body);
  curl.setopt(transfer->easy, WRITEDATA, transfer);
  curl.setopt(transfer->easy, OPENSOCKETFUNCTION, open_socket);
  curl.setopt(transfer->easy, OPENSOCKETDATA, transfer);
  return transfer;
}
void par_curl_free(par_curl *transfer) {
  curl.cleanup(transfer->easy);
  curl.free_all(transfer->fields);
  free(transfer);
}
int par_curl_set_number(par_curl *transfer, int option, long value) {
  return curl.setopt(transfer->easy, option, value);
}
int par_curl_set_text(par_curl *transfer, int option, const char *value) {
  return curl.setopt(transfer->easy, option, value);
}
int par_curl_add_field(par_curl *transfer, const char *line) {
  struct slist *longer = curl.append(transfer->fields, line);
  if (!longer) return OUT_OF_MEMORY;
  transfer->fields = longer;
  return 0;
}
int par_curl_perform(par_curl *transfer) {
  curl.setopt(transfer->easy, HTTPHEADER, transfer->fields);
  transfer->error[0] = 0;
  return curl.perform(transfer->easy);
}
long par_curl_number(par_curl *transfer, int info) {
  long value = 0;
  return curl.getinfo(transfer->easy, info, &value) == 0 ? value : 0;
}
const char *par_curl_message(par_curl *transfer, int code) {
  return transfer->error[0] ? transfer->error : curl.strerror(code);
}

par_curl_url *par_curl_url_new(void) { return curl.url(); }
void par_curl_url_free(par_curl_url *url) { curl.url_cleanup(url); }
int par_curl_url_set(par_curl_url *url, int part, const char *text, unsigned flags) {
  return curl.url_set(url, part, text, flags);
}
char *par_curl_url_get(par_curl_url *url, int part, unsigned flags) {
  char *found = NULL;
  if (curl.url_get(url, part, &found, flags) != 0 || !found) return NULL;
  char *copy = strdup(found);
  curl.free(found);
  return copy;
}
