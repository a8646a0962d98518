// Opening a path that must stay beneath a folder: openat2, or the same step by step where a seccomp
// filter refuses that call as a whole. It cannot look into the call's argument, so systemd's
// RestrictSUIDSGID= (which DynamicUser= implies) answers ENOSYS, older container runtimes EPERM.
#define _GNU_SOURCE
#include "CPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { maximum_depth = 128, maximum_links = 40 };

int par_open_beneath(int folder, const char *path, int flags, unsigned mode, bool no_symlinks) {
  struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
                         .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
                         .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
                                    (no_symlinks ? RESOLVE_NO_SYMLINKS : 0)};
  int opened = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
  if (opened >= 0 || (errno != ENOSYS && errno != EPERM)) return opened;
  return par_open_beneath_stepwise(folder, path, flags, mode, no_symlinks);
}

// `above[depth]` is where the walk is; what is above it stays open, so that `..` goes back to where
// the walk came from, even if the folder has been moved meanwhile.
struct walk {
  int above[maximum_depth + 1];
  int depth;
  int links;
  char rest[PATH_MAX];
};

static void leave(struct walk *walk) { close(walk->above[walk->depth--]); }

static int refuse(int error) {
  errno = error;
  return -1;
}

enum progress { failed = -1, done, next_part, link_read };

// One path part; `suffix` is what of `walk->rest` follows it, slashes included.
static enum progress step(struct walk *walk, const char *name, const char *suffix, bool last,
                          int flags, unsigned mode, bool no_symlinks, int *opened) {
  int here = walk->above[walk->depth];
  bool back = strcmp(name, "..") == 0;
  if (back || strcmp(name, ".") == 0) {
    if (back) {
      if (walk->depth == 0) return refuse(EXDEV);
      leave(walk);
    }
    if (!last) return next_part;
    *opened = openat(walk->above[walk->depth], ".", flags | O_CLOEXEC, mode);
    return done;
  }
  int found = openat(here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0 && !(last && errno == ENOENT && (flags & O_CREAT))) return -1;
  struct stat status = {0};
  if (found >= 0 && fstat(found, &status) < 0) {
    close(found);
    return -1;
  }
  bool kept = last && !*suffix && ((flags & O_NOFOLLOW) || ((flags & O_CREAT) && (flags & O_EXCL)));
  if (S_ISLNK(status.st_mode) && !kept) {
    char target[PATH_MAX];
    ssize_t length = readlinkat(found, "", target, sizeof target - 1);
    close(found);
    if (length < 0) return -1;
    if (no_symlinks || ++walk->links > maximum_links) return refuse(ELOOP);
    target[length] = 0;
    if (target[0] == '/') return refuse(EXDEV);
    size_t left = strlen(suffix);
    if ((size_t)length + left >= sizeof walk->rest) return refuse(ENAMETOOLONG);
    memmove(walk->rest + length, suffix, left + 1);
    memcpy(walk->rest, target, (size_t)length);
    return link_read;
  }
  if (last) {
    if (found >= 0) close(found);
    // Should a link have taken its place, this fails; it is not followed.
    *opened = openat(here, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    return done;
  }
  if (!S_ISDIR(status.st_mode)) {
    close(found);
    return refuse(ENOTDIR);
  }
  if (walk->depth == maximum_depth) {
    close(found);
    return refuse(ENAMETOOLONG);
  }
  walk->above[++walk->depth] = found;
  return next_part;
}

int par_open_beneath_stepwise(int folder, const char *path, int flags, unsigned mode,
                              bool no_symlinks) {
  struct walk walk = {.above = {folder}};
  if (!*path) return refuse(ENOENT);
  if (*path == '/') return refuse(EXDEV);
  if (strlen(path) >= sizeof walk.rest) return refuse(ENAMETOOLONG);
  strcpy(walk.rest, path);
  int opened = -1;
  enum progress progress;
  do {
    char name[NAME_MAX + 1];
    size_t length = strcspn(walk.rest, "/");
    if (length > NAME_MAX) {
      progress = refuse(ENAMETOOLONG);
      break;
    }
    memcpy(name, walk.rest, length);
    name[length] = 0;
    const char *suffix = walk.rest + length, *rest = suffix + strspn(suffix, "/");
    bool last = !*rest;
    // `folder/` has to be a folder.
    int wanted = last && *suffix ? flags | O_DIRECTORY : flags;
    progress = step(&walk, name, suffix, last, wanted, mode, no_symlinks, &opened);
    if (progress == next_part) memmove(walk.rest, rest, strlen(rest) + 1);
  } while (progress > done);
  int error = errno;
  while (walk.depth > 0) leave(&walk);
  errno = error;
  return progress == done ? opened : -1;
}
