#include "output.h"
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PENDING_MAX = 4 * OUTPUT_LINE_MAX, STAMP_MAX = 32 };

int output_begin(struct output *output, int file, int64_t max) {
    memset(output, 0, sizeof *output);
    output->file = file;
    output->max = max;
    output->pending = malloc(PENDING_MAX);
    output->lines[0].bytes = malloc(OUTPUT_LINE_MAX);
    output->lines[1].bytes = malloc(OUTPUT_LINE_MAX);
    return output->pending && output->lines[0].bytes && output->lines[1].bytes ? 0 : -1;
}

void output_flush(struct output *output) {
    if (output->pending_count == 0) return;
    // A full disk loses output, which exit.json tells; the job goes on.
    if (write_fully(output->file, output->pending, output->pending_count) != 0) output->truncated = true;
    output->pending_count = 0;
}

static void add_record(struct output *output, char stream, const char *bytes, size_t count) {
    if (PENDING_MAX - output->pending_count < count + STAMP_MAX) output_flush(output);
    char *at = output->pending + output->pending_count;
    int stamp = snprintf(at, STAMP_MAX, "%lld %c ", (long long)wall_clock_ms(), stream);
    memcpy(at + stamp, bytes, count);
    at[(size_t)stamp + count] = '\n';
    output->pending_count += (size_t)stamp + count + 1;
    output->written += stamp + (int64_t)count + 1;
}

static void end_line(struct output *output, char stream, struct output_line *line) {
    if (!output->truncated) {
        if (output->written + (int64_t)line->count + STAMP_MAX > output->max) {
            char notice[128];
            int count = snprintf(notice, sizeof notice,
                "[millrace] Output after %lld bytes is not kept.", (long long)output->written);
            add_record(output, 'e', notice, (size_t)count);
            output->truncated = true;
        } else {
            add_record(output, stream, line->bytes, line->count);
        }
    }
    line->count = 0;
}

void output_append(struct output *output, char stream, const char *bytes, size_t count) {
    struct output_line *line = &output->lines[stream == 'e'];
    while (count > 0) {
        const char *newline = memchr(bytes, '\n', count);
        size_t length = newline ? (size_t)(newline - bytes) : count;
        size_t room = OUTPUT_LINE_MAX - line->count;
        size_t taken = length < room ? length : room;
        memcpy(line->bytes + line->count, bytes, taken);
        line->count += taken;
        bytes += taken;
        count -= taken;
        if (newline && taken == length) {
            end_line(output, stream, line);
            bytes++;
            count--;
        } else if (line->count == OUTPUT_LINE_MAX) {
            end_line(output, stream, line);
        }
    }
}

void output_finish(struct output *output) {
    for (int i = 0; i < 2; i++)
        if (output->lines[i].count > 0) end_line(output, i ? 'e' : 'o', &output->lines[i]);
    output_flush(output);
    fsync(output->file);
}
