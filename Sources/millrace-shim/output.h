// The job's output as a file of stamped lines, up to a size.
#ifndef MILLRACE_SHIM_OUTPUT_H
#define MILLRACE_SHIM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTPUT_LINE_MAX = 65536 };  // longer lines are cut into several

struct output_line {
    char *bytes;  // OUTPUT_LINE_MAX of them
    size_t count;
};

struct output {
    int file;
    int64_t max, written;  // bytes
    bool truncated;
    struct output_line lines[2];  // standard output, standard error
    char *pending;
    size_t pending_count;
};

int output_begin(struct output *output, int file, int64_t max);
// `stream` is 'o' or 'e'.
void output_append(struct output *output, char stream, const char *bytes, size_t count);
void output_flush(struct output *output);
// Writes lines that lack their end, too.
void output_finish(struct output *output);

#endif
