// Makes a large event log that conforms, from the logs of a few real runs:
//
//   corpus SEED BYTES LOG...
//
// Each run of the corpus is one of those runs, lived again: another id, another start, and, where it was
// asked to stop while it served, a longer life with lines of the access log and of the agent's output in
// it, taken from the real ones. Runs overlap; lines stand in the order of their time. The same seed makes
// the same corpus. To stdout; what it consists of to stderr, as JSON.
#define _GNU_SOURCE  // memmem
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPEN_RUNS = 12, HEAD = 27, ID = 32 };

// A line, cut where something changes: {"timestamp":"TIME LEVEL-AND-EVENT SEQ between ID identity UPTIME rest
typedef struct {
  const char *event, *between, *identity, *rest;
  int event_size, between_size, identity_size, rest_size;
  int64_t uptime;
  int64_t micros;  // of the wall clock, from the run's first line on
  const char *name;
  int name_size;
} Line;

typedef struct {
  Line *lines;
  int count;
  const char *id;
  int lengthens_at;  // before this line there is room for a longer life; -1: nowhere
  bool has_access_log;
} Story;

typedef struct {
  const Story *story;
  char id[ID + 1];
  int64_t start, shift, sequence, uptime;  // microseconds of the wall clock; milliseconds
  int next;
  int64_t chatter;  // lines to come before line `lengthens_at`
  int64_t time;     // of the next line
} Life;

static uint64_t seed;

static uint64_t chance(void) {  // splitmix64, Steele et al. 2014
  uint64_t z = (seed += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

static int64_t below(int64_t bound) { return (int64_t)(chance() % (uint64_t)bound); }

static void fail(const char *what) {
  fprintf(stderr, "corpus: %s\n", what);
  exit(1);
}

static char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail(path);
  long size = ftell(file);
  rewind(file);
  char *text = malloc((size_t)size + 1);
  if (!text || fread(text, 1, (size_t)size, file) != (size_t)size) fail(path);
  text[size] = 0;
  fclose(file);
  return text;
}

// What follows the first `mark`; the log has its members in one order, so what the run says comes later.
static const char *after(const char *text, const char *mark) {
  const char *found = strstr(text, mark);
  if (!found) fail("a line is no event");
  return found + strlen(mark);
}

static int64_t micros_of_day(const char *time) {  // 2026-01-02T03:04:05.123456Z
  return ((atoi(time + 11) * 60LL + atoi(time + 14)) * 60 + atoi(time + 17)) * 1000000 + atoi(time + 20);
}

static Line cut(const char *text, int size) {
  Line line = {0};
  const char *time = after(text, "{\"timestamp\":\"");
  line.event = time + HEAD;
  line.name = after(line.event, "\"event\":\"");
  line.name_size = (int)strcspn(line.name, "\"");
  const char *sequence = after(line.event, "\"seq\":");
  line.event_size = (int)(sequence - line.event);
  line.between = sequence + strspn(sequence, "0123456789");
  const char *id = after(line.between, "\"run_id\":\"");
  line.between_size = (int)(id - line.between);
  line.identity = id + ID;
  const char *uptime = after(line.identity, "\"uptime_ms\":");
  line.identity_size = (int)(uptime - line.identity);
  line.uptime = atoll(uptime);
  line.rest = uptime + strspn(uptime, "0123456789");
  line.rest_size = (int)(text + size - line.rest);
  line.micros = micros_of_day(time);
  return line;
}

static bool is(const Line *line, const char *name) {
  return line->name_size == (int)strlen(name) && !memcmp(line->name, name, strlen(name));
}

static bool has(const Line *line, const char *text) {
  return memmem(line->rest, (size_t)line->rest_size, text, strlen(text));
}

static Line *requests, *outputs;
static int request_count, output_count;

static void keep(Line **pool, int *count, Line line) {
  *pool = realloc(*pool, (size_t)(*count + 1) * sizeof(Line));
  if (!*pool) fail("no memory");
  (*pool)[(*count)++] = line;
}

static Story read_story(const char *path) {
  Story story = {.lengthens_at = -1};
  char *text = contents(path);
  while (*text) {
    int size = (int)strcspn(text, "\n");
    Line line = cut(text, size);
    if (!story.count) story.id = line.identity - ID;
    if (!story.count) story.has_access_log = has(&line, "\"ACCESS_LOG\":true");
    if (story.count) line.micros -= story.lines[0].micros;
    // Not before what a failure explains.
    if (is(&line, "drain") && has(&line, "\"from\":\"ready\"") && has(&line, "\"cause\":\"SIG")) story.lengthens_at = story.count;
    if (is(&line, "request")) keep(&requests, &request_count, line);
    if (is(&line, "agent_output")) keep(&outputs, &output_count, line);
    keep(&story.lines, &story.count, line);
    text += size + (text[size] == '\n');
  }
  if (!story.count) fail("a log is empty");
  story.lines[0].micros = 0;
  return story;
}

// --- lives ---

static int64_t lives, chatters, lines, written;

static void begin(Life *life, const Story *stories, int count, int64_t now) {
  const Story *story = &stories[below(count)];
  memset(life, 0, sizeof *life);
  life->story = story;
  snprintf(life->id, sizeof life->id, "%016" PRIx64 "%016" PRIx64, chance(), chance());
  life->start = now + below(2000000);
  if (story->lengthens_at >= 0 && (story->has_access_log ? request_count : output_count)) {
    // Most lives are short; a few are those of services.
    static const int64_t longest[] = {0, 0, 0, 20, 100, 400, 2000, 20000};
    life->chatter = below(longest[below(8)] + 1);
  }
  life->time = life->start;
  lives++;
}

static char *put(char *to, const char *from, int size) {
  memcpy(to, from, (size_t)size);
  return to + size;
}

static char *put_number(char *to, int64_t number) { return to + sprintf(to, "%" PRId64, number); }

static char *put_time(char *to, int64_t micros) {
  static int64_t day = -1;
  static char date[40];
  if (micros / 86400000000 != day) {
    day = micros / 86400000000;
    // Days since 1970 to a date: Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    int64_t z = day + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    snprintf(date, sizeof date, "%04d-%02d-%02dT", (int)(yoe + era * 400 + (month <= 2)), (int)month,
             (int)(doy - (153 * mp + 2) / 5 + 1));
  }
  memcpy(to, date, 11);
  int64_t rest = micros % 86400000000;
  int fields[] = {(int)(rest / 3600000000), (int)(rest / 60000000 % 60), (int)(rest / 1000000 % 60)};
  char *at = to + 11;
  for (int i = 0; i < 3; i++) {
    *at++ = (char)('0' + fields[i] / 10);
    *at++ = (char)('0' + fields[i] % 10);
    *at++ = i < 2 ? ':' : '.';
  }
  int64_t fraction = rest % 1000000;
  for (int i = 5; i >= 0; i--, fraction /= 10) at[i] = (char)('0' + fraction % 10);
  at[6] = 'Z';
  return at + 7;
}

// Writes the next line of a life; false when it was the last.
static bool live(Life *life, FILE *out) {
  static char buffer[1 << 16];
  const Story *story = life->story;
  const Line *own = &story->lines[life->next], *line = own;
  bool is_chatter = life->next == story->lengthens_at && life->chatter > 0;
  if (is_chatter) {
    // Four of five are requests, where the run logs them.
    line = story->has_access_log && (below(5) || !output_count) ? &requests[below(request_count)]
                                                                : &outputs[below(output_count)];
    int64_t previous = life->next ? story->lines[life->next - 1].uptime : 0;
    int64_t pause = below(50);
    life->shift += pause;
    life->uptime = previous + life->shift;
    life->chatter--;
    chatters++;
  } else {
    life->uptime = own->uptime + life->shift;
    life->next++;
  }
  char *at = put(buffer, "{\"timestamp\":\"", 14);
  at = put_time(at, life->time);
  at = put(at, line->event, line->event_size);
  at = put_number(at, ++life->sequence);
  at = put(at, own->between, own->between_size);
  at = put(at, life->id, ID);
  at = put(at, own->identity, own->identity_size);
  at = put_number(at, life->uptime);
  if (line->rest_size > (int)sizeof buffer - 1024) fail("a line is too long");
  at = put(at, line->rest, line->rest_size);
  if (!is_chatter) {
    // The id is part of the paths of a run's sockets, too.
    char *named, *from = at - line->rest_size;
    while ((named = memmem(from, (size_t)(at - from), story->id, ID))) {
      memcpy(named, life->id, ID);
      from = named + ID;
    }
  }
  *at++ = '\n';
  fwrite(buffer, 1, (size_t)(at - buffer), out);
  lines++;
  written += at - buffer;
  if (life->next == story->count) return false;
  bool more = life->next == story->lengthens_at && life->chatter > 0;
  int64_t pause = more ? 10000 : story->lines[life->next].micros
                                     - (life->next ? story->lines[life->next - 1].micros : 0);
  life->time += pause > 0 ? pause : 1;
  return true;
}

int main(int argc, char **argv) {
  if (argc < 4) fail("usage: corpus SEED BYTES LOG...");
  seed = strtoull(argv[1], NULL, 10);
  int64_t wanted = atoll(argv[2]);
  int count = argc - 3;
  Story *stories = calloc((size_t)count, sizeof(Story));
  for (int i = 0; i < count; i++) stories[i] = read_story(argv[3 + i]);
  FILE *out = stdout;
  setvbuf(out, NULL, _IOFBF, 1 << 20);
  Life open[OPEN_RUNS];
  int running = OPEN_RUNS;
  int64_t now = 1767323045678901;  // 2026-01-02T03:04:05.678901Z
  for (int i = 0; i < OPEN_RUNS; i++) begin(&open[i], stories, count, now);
  while (running) {
    int first = 0;
    for (int i = 1; i < running; i++)
      if (open[i].time < open[first].time) first = i;
    now = open[first].time;
    if (live(&open[first], out)) continue;
    if (ferror(out)) return 1;
    if (written < wanted) {
      begin(&open[first], stories, count, now);
    } else {
      open[first] = open[--running];
    }
  }
  if (fflush(out)) return 1;
  fprintf(stderr, "{\"runs\":%" PRId64 ",\"lines\":%" PRId64 ",\"added\":%" PRId64 ",\"bytes\":%" PRId64 "}\n", lives, lines,
          chatters, written);
  return 0;
}
