// What upstream.c sends and load.c expects: bytes that differ from place to place, so that a piece
// that is lost, doubled or moved is noticed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_BYTES = 4 * 1024 * 1024, EVENT_BYTES = 64 };

static uint8_t *pattern;

__attribute__((unused)) static void pattern_init(void) {
  pattern = malloc(PATTERN_BYTES);
  uint64_t state = 1;
  for (int i = 0; i < PATTERN_BYTES; i += 8) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    memcpy(pattern + i, &state, 8);
  }
}

__attribute__((unused)) static uint64_t sum_of(const uint8_t *bytes, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += bytes[i];
  return sum;
}

// One server-sent event: `data: `, its number, padding, two line feeds.
__attribute__((unused)) static void event_text(char *text, uint64_t number) {
  memset(text, '.', EVENT_BYTES);
  memcpy(text, "data: ", 6);
  for (int i = 15; i >= 6; i--, number /= 10) text[i] = (char)('0' + number % 10);
  text[16] = ' ';
  memcpy(text + EVENT_BYTES - 2, "\n\n", 3);
}
