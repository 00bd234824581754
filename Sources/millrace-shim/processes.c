#define _GNU_SOURCE
#include "processes.h"
#include "files.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process {
    pid_t pid, parent;
    uint64_t start_ticks;
    char state;
    bool descends;
};

struct process_list {
    struct process *items;
    size_t count;
};

static int read_process(pid_t pid, struct process *process) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_text_file(path, text, sizeof text) <= 0) return -1;
    // The name in parentheses may hold anything; the last parenthesis ends it.
    char *rest = strrchr(text, ')');
    if (!rest) return -1;
    int parent;
    unsigned long long start;
    char state;
    // state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime priority nice
    // threads itrealvalue starttime
    if (sscanf(rest + 1,
            " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
            &state, &parent, &start) != 3) return -1;
    *process = (struct process){pid, parent, start, state, false};
    return 0;
}

uint64_t process_start_ticks(pid_t pid) {
    struct process process;
    return read_process(pid, &process) == 0 ? process.start_ticks : 0;
}

void read_boot_id(char *text, size_t size) {
    if (read_text_file("/proc/sys/kernel/random/boot_id", text, size) < 0) text[0] = 0;
    text[strcspn(text, "\n")] = 0;
}

uint64_t oom_kill_count(void) {
    static char text[65536];
    if (read_text_file("/proc/vmstat", text, sizeof text) <= 0) return 0;
    char *line = strstr(text, "\noom_kill ");
    return line ? strtoull(line + 10, NULL, 10) : 0;
}

// The living descendants of this process, in no order. Freed by the caller.
static struct process_list descendants(void) {
    struct process_list all = {NULL, 0};
    size_t capacity = 0;
    DIR *proc = opendir("/proc");
    if (!proc) return all;
    struct dirent *entry;
    while ((entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        struct process process;
        if (read_process((pid_t)atoi(entry->d_name), &process) != 0) continue;
        if (all.count == capacity) {
            capacity = capacity ? capacity * 2 : 256;
            struct process *grown = realloc(all.items, capacity * sizeof *grown);
            if (!grown) break;
            all.items = grown;
        }
        all.items[all.count++] = process;
    }
    closedir(proc);
    // Mark children of marked ones until nothing changes; depth times count, both small.
    pid_t self = getpid();
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < all.count; i++) {
            if (all.items[i].descends) continue;
            bool found = all.items[i].parent == self;
            for (size_t k = 0; !found && k < all.count; k++)
                found = all.items[k].descends && all.items[k].pid == all.items[i].parent;
            if (found) all.items[i].descends = changed = true;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].descends && all.items[i].state != 'Z') all.items[kept++] = all.items[i];
    all.count = kept;
    return all;
}

// Signals the very process that was seen, not one that has got its number since.
static void signal_process(const struct process *seen, int number) {
    int handle = (int)syscall(SYS_pidfd_open, seen->pid, 0);
    if (handle < 0) return;
    if (process_start_ticks(seen->pid) == seen->start_ticks)
        syscall(SYS_pidfd_send_signal, handle, number, NULL, 0);
    close(handle);
}

void signal_descendants(int number) {
    struct process_list list = descendants();
    for (size_t i = 0; i < list.count; i++) signal_process(&list.items[i], number);
    free(list.items);
}

uint64_t descendants_memory_bytes(void) {
    struct process_list list = descendants();
    uint64_t pages = 0;
    for (size_t i = 0; i < list.count; i++) {
        char path[64], text[256];
        snprintf(path, sizeof path, "/proc/%d/statm", (int)list.items[i].pid);
        unsigned long long resident, shared;
        if (read_text_file(path, text, sizeof text) > 0
            && sscanf(text, "%*u %llu %llu", &resident, &shared) == 2 && resident > shared)
            pages += resident - shared;
    }
    free(list.items);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
