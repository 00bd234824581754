// Files and the clock.
#ifndef MILLRACE_SHIM_FILES_H
#define MILLRACE_SHIM_FILES_H

#include <stddef.h>
#include <stdint.h>

// Milliseconds since 1970.
int64_t wall_clock_ms(void);

// Makes `name` hold `text`, durably and at once: a temporary file, fsync, rename, fsync of the directory.
// Returns 0, or -1 with errno set.
int write_durably(int directory, const char *name, const char *text, size_t length);

// The file's bytes followed by a NUL, from malloc; NULL with errno set on failure, EFBIG above `max`.
char *read_file_at(int directory, const char *name, size_t max, size_t *length);

// Reads at most `size - 1` bytes of a small file, such as one of /proc, and ends them with a NUL. Returns the count, or
// -1. Allocates nothing.
int read_text_file(const char *path, char *text, size_t size);

void write_text_file(const char *path, const char *text);

int write_fully(int file, const char *bytes, size_t count);

#endif
