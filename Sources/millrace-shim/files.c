#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int64_t wall_clock_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int write_fully(int file, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(file, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

int write_durably(int directory, const char *name, const char *text, size_t length) {
    char temporary[64];
    snprintf(temporary, sizeof temporary, ".%s.tmp", name);
    int file = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    int failed = write_fully(file, text, length) != 0 || fsync(file) != 0;
    int error = errno;
    close(file);
    if (failed) {
        errno = error;
        return -1;
    }
    if (renameat(directory, temporary, directory, name) != 0) return -1;
    return fsync(directory);
}

char *read_file_at(int directory, const char *name, size_t max, size_t *length) {
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return NULL;
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size < 0 || (size_t)status.st_size > max) {
        close(file);
        errno = EFBIG;
        return NULL;
    }
    size_t size = (size_t)status.st_size, have = 0;
    char *text = malloc(size + 1);
    while (text && have < size) {
        ssize_t count = read(file, text + have, size - have);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        have += (size_t)count;
    }
    close(file);
    if (text && have < size) {
        free(text);
        errno = EIO;
        return NULL;
    }
    if (text) text[have] = 0;
    *length = have;
    return text;
}

int read_text_file(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t have = 0;
    while (have < size - 1) {
        ssize_t count = read(file, text + have, size - 1 - have);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        have += (size_t)count;
    }
    close(file);
    text[have] = 0;
    return (int)have;
}

void write_text_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return;
    (void)!write(file, text, strlen(text));
    close(file);
}
