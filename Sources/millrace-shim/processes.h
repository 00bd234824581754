// Processes as /proc shows them.
#ifndef MILLRACE_SHIM_PROCESSES_H
#define MILLRACE_SHIM_PROCESSES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Clock ticks since boot at which the process began; 0 if there is no such process.
uint64_t process_start_ticks(pid_t pid);

void read_boot_id(char *text, size_t size);

// How many processes the kernel has killed for want of memory since boot; 0 where it does not tell.
uint64_t oom_kill_count(void);

// Sends a signal to every living descendant of this process. One that is being forked meanwhile may be missed: callers
// that must get all of them repeat until no child is left.
void signal_descendants(int number);

// Memory that the descendants have to themselves, without mapped files.
uint64_t descendants_memory_bytes(void);

#endif
