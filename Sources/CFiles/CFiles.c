#define _GNU_SOURCE
#include "CFiles.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/uio.h>

ssize_t millrace_read_cached(int descriptor, void *bytes, size_t count, off_t offset) {
#ifdef RWF_NOWAIT
    struct iovec range = {bytes, count};
    return preadv2(descriptor, &range, 1, offset, RWF_NOWAIT);
#else
    (void)descriptor, (void)bytes, (void)count, (void)offset;
    errno = ENOTSUP;
    return -1;
#endif
}

void millrace_begin_writing(int descriptor, off_t offset, off_t count) {
#ifdef SYNC_FILE_RANGE_WRITE
    (void)sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
#else
    (void)descriptor, (void)offset, (void)count;
#endif
}

void millrace_return_memory(void) { malloc_trim(0); }
