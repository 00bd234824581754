// Calls of Linux, most about files, that Swift's Glibc module does not show.
#ifndef MILLRACE_CFILES_H
#define MILLRACE_CFILES_H
#include <stddef.h>
#include <sys/types.h>

/// Reads what is in the kernel's memory already.
///
/// - Returns: the bytes read, fewer when the next one would have to come from the disk; -1 with errno EAGAIN when all
///   would, or another errno where the file system cannot tell.
ssize_t millrace_read_cached(int descriptor, void *bytes, size_t count, off_t offset);

/// Has the kernel begin to write a range of a file to the disk. Nothing is durable by that, but a later fsync has less
/// to wait for.
void millrace_begin_writing(int descriptor, off_t offset, off_t count);

/// Gives the pages back to the kernel on which the allocator has nothing but free memory.
void millrace_return_memory(void);

#endif
