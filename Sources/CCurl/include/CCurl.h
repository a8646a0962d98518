// libcurl without its headers: the few calls a download needs, looked up when the first one starts.
//
// The numbers below are part of libcurl's ABI and never change (curl/curl.h: "the numbers are
// significant"). Opening it costs milliseconds and megabytes, so nothing but a download does.
#ifndef CCURL_H
#define CCURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// CURLoption
enum {
  PAR_CURLOPT_URL = 10002,
  PAR_CURLOPT_PROXY = 10004,
  PAR_CURLOPT_LOW_SPEED_LIMIT = 19,
  PAR_CURLOPT_LOW_SPEED_TIME = 20,
  PAR_CURLOPT_SSLVERSION = 32,
  PAR_CURLOPT_NETRC = 51,
  PAR_CURLOPT_FOLLOWLOCATION = 52,
  PAR_CURLOPT_SSL_VERIFYPEER = 64,
  PAR_CURLOPT_CAINFO = 10065,
  PAR_CURLOPT_SSL_VERIFYHOST = 81,
  PAR_CURLOPT_HTTP_VERSION = 84,
  PAR_CURLOPT_CAPATH = 10097,
  PAR_CURLOPT_BUFFERSIZE = 98,
  PAR_CURLOPT_NOSIGNAL = 99,
  PAR_CURLOPT_TIMEOUT_MS = 155,
  PAR_CURLOPT_CONNECTTIMEOUT_MS = 156,
  PAR_CURLOPT_NOPROXY = 10177,
  PAR_CURLOPT_PROTOCOLS = 181,
  PAR_CURLOPT_PATH_AS_IS = 234,
  PAR_CURLOPT_PROXY_CAINFO = 10246,
  PAR_CURLOPT_PROXY_CAPATH = 10247,
  PAR_CURLOPT_PROXY_SSLVERSION = 250,
  PAR_CURLOPT_SUPPRESS_CONNECT_HEADERS = 265,
  PAR_CURLOPT_HTTP09_ALLOWED = 285,
  PAR_CURLOPT_QUICK_EXIT = 322,
};
// Values of options: CURLPROTO_HTTP, CURLPROTO_HTTPS, CURL_SSLVERSION_TLSv1_2, CURL_HTTP_VERSION_1_1
enum { PAR_CURLPROTO_HTTP = 1, PAR_CURLPROTO_HTTPS = 2, PAR_CURL_TLS_1_2 = 6, PAR_CURL_HTTP_1_1 = 2 };

// CURLINFO, those of kind long
enum { PAR_CURLINFO_HTTP_CONNECTCODE = 0x200016, PAR_CURLINFO_OS_ERRNO = 0x200019 };

// CURLcode
enum {
  PAR_CURLE_UNSUPPORTED_PROTOCOL = 1,
  PAR_CURLE_COULDNT_RESOLVE_PROXY = 5,
  PAR_CURLE_COULDNT_RESOLVE_HOST = 6,
  PAR_CURLE_COULDNT_CONNECT = 7,
  PAR_CURLE_WEIRD_SERVER_REPLY = 8,
  PAR_CURLE_PARTIAL_FILE = 18,
  PAR_CURLE_OPERATION_TIMEDOUT = 28,
  PAR_CURLE_SSL_CONNECT_ERROR = 35,
  PAR_CURLE_GOT_NOTHING = 52,
  PAR_CURLE_SEND_ERROR = 55,
  PAR_CURLE_RECV_ERROR = 56,
  PAR_CURLE_PEER_FAILED_VERIFICATION = 60,
  PAR_CURLE_SSL_CACERT_BADFILE = 77,
  PAR_CURLE_PROXY = 97,
};

// CURLUPart and flags of curl_url_get and curl_url_set
enum {
  PAR_CURLUPART_URL = 0,
  PAR_CURLUPART_SCHEME = 1,
  PAR_CURLUPART_USER = 2,
  PAR_CURLUPART_PASSWORD = 3,
  PAR_CURLUPART_HOST = 5,
  PAR_CURLUPART_PORT = 6,
  PAR_CURLUPART_FRAGMENT = 9,
};
enum {
  PAR_CURLU_NON_SUPPORT_SCHEME = 1 << 3,
  PAR_CURLU_URLENCODE = 1 << 7,
};

// What a transfer calls, each with the context it was made with, on the thread that performs.
struct par_curl_hooks {
  // One line of the response's head, with its CRLF; false ends the transfer (CURLE_WRITE_ERROR).
  bool (*head_line)(void *context, const char *bytes, size_t count);
  // A piece of the body, as it was sent; false ends the transfer (CURLE_WRITE_ERROR).
  bool (*body)(void *context, const void *bytes, size_t count);
  // Whether to connect to this address: 4 or 16 bytes in network order.
  bool (*may_connect)(void *context, const uint8_t *address, int length);
};

typedef struct par_curl par_curl;

// Opens libcurl.so.4 once. NULL when it can be used, else why not.
const char *par_curl_open(void);
// A transfer; NULL without memory. After par_curl_open alone, as all that follows.
par_curl *par_curl_new(const struct par_curl_hooks *hooks, void *context);
void par_curl_free(par_curl *transfer);
// 0, or a CURLcode (48: this libcurl does not know the option).
int par_curl_set_number(par_curl *transfer, int option, long value);
int par_curl_set_text(par_curl *transfer, int option, const char *value);  // is copied
int par_curl_add_field(par_curl *transfer, const char *line);              // "Name: value"
int par_curl_perform(par_curl *transfer);                                  // a CURLcode
long par_curl_number(par_curl *transfer, int info);
// libcurl's words for what went wrong; lives as long as the transfer.
const char *par_curl_message(par_curl *transfer, int code);

// libcurl's own parser of URLs, so that what is checked is what is used.
typedef struct par_curl_url par_curl_url;
par_curl_url *par_curl_url_new(void);
void par_curl_url_free(par_curl_url *url);
int par_curl_url_set(par_curl_url *url, int part, const char *text, unsigned flags);  // 0 is good
// The part, to be freed with free(3), or NULL when there is none.
char *par_curl_url_get(par_curl_url *url, int part, unsigned flags);
#endif
