#define _GNU_SOURCE
#include "spec.h"
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPEC_BYTES_MAX = 32 << 20 };

static int parse_number(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != 0 || end == text || number < 0 || number > INT64_MAX / 4) {
        errno = EINVAL;
        return -1;
    }
    *value = number;
    return 0;
}

static int set_member(struct spec *spec, const char *key, char *value, size_t *arguments, size_t *environment) {
    if (!strcmp(key, "executable")) spec->executable = value;
    else if (!strcmp(key, "workDirectory")) spec->work_directory = value;
    else if (!strcmp(key, "argument")) spec->arguments[(*arguments)++] = value;
    else if (!strcmp(key, "environment")) spec->environment[(*environment)++] = value;
    else if (!strcmp(key, "timeoutMilliseconds")) return parse_number(value, &spec->timeout_ms);
    else if (!strcmp(key, "graceMilliseconds")) return parse_number(value, &spec->grace_ms);
    else if (!strcmp(key, "memoryBytesMax")) return parse_number(value, &spec->memory_bytes_max);
    else if (!strcmp(key, "openFilesMax")) return parse_number(value, &spec->open_files_max);
    else if (!strcmp(key, "outputBytesMax")) return parse_number(value, &spec->output_bytes_max);
    else if (!strcmp(key, "input")) spec->input = value;
    else if (!strcmp(key, "resultBytesMax")) return parse_number(value, &spec->result_bytes_max);
    else {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

int read_spec(int directory, struct spec *spec) {
    size_t length;
    char *text = read_file_at(directory, "spec", SPEC_BYTES_MAX, &length);
    if (!text) return -1;
    size_t texts = 0;
    for (size_t i = 0; i < length; i++) texts += text[i] == 0;
    if (length == 0 || text[length - 1] != 0 || texts % 2 != 0) {
        errno = EINVAL;
        return -1;
    }
    // No more of either than pairs, and a NULL at the end. Kept until the shim exits.
    spec->arguments = calloc(texts / 2 + 1, sizeof(char *));
    spec->environment = calloc(texts / 2 + 1, sizeof(char *));
    if (!spec->arguments || !spec->environment) return -1;
    size_t arguments = 0, environment = 0;
    for (char *key = text; key < text + length;) {
        char *value = key + strlen(key) + 1;
        if (set_member(spec, key, value, &arguments, &environment) != 0) return -1;
        key = value + strlen(value) + 1;
    }
    if (!spec->executable || !spec->work_directory || arguments == 0) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}
