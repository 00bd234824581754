// Runs one attempt of a job and outlives the server that asked for it.
//
//   millrace-shim DIRECTORY
//
// The attempt's directory holds, under fixed names:
//   spec          what to run: NUL-terminated keys and values in turn (see spec.h); written by the server
//   lock          flock()ed by the shim for as long as it lives, which is how others know that it does
//   control       FIFO that the shim reads: the byte 's' asks it to stop the job, as SIGTERM does
//   started.json  who runs: boot id, process ids and their start times; durable before the job's first instruction
//   output.log    what the job printed, a line each: milliseconds since 1970, 'o' or 'e', the text
//   input         what the job reads, if the specification says so
//   result        what the job wrote to its standard output, if the specification wants it apart from the log
//   exit.json     how it ended; durable, renamed into place, the last thing the shim does
//
// The process that the server starts forks the shim proper, waits until the job's program has been executed or has
// failed to, and exits, so that the server has no child to wait for. Exit status: 0 the attempt is in the shim's
// hands, 75 another shim has it, 76 it has ended before, 77 it was begun by a shim that is dead.
//
// Descendants: the shim is their subreaper, so whatever they do, those that lose their parent become its children.
// When the job's first process ends, the rest is killed, as in a container.

#define _GNU_SOURCE
#include "files.h"
#include "processes.h"
#include "spec.h"
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_ALREADY_RUNNING = 75, EXIT_ALREADY_ENDED = 76, EXIT_NEEDS_PROOF = 77 };
enum { KILL_INTERVAL_MS = 10, MEMORY_INTERVAL_MS = 200, DRAIN_MS = 2000 };

// What a child that could not execute the program tells the shim.
struct exec_failure {
    int error;
    char stage[24];
};

struct attempt {
    int directory;
    struct spec spec;
    int signals, control;
    int out, err;
    struct output output;
    int result;                     // -1: standard output goes into the log
    int64_t result_bytes;
    pid_t job;
    bool ended;       // the job's first process has been waited for
    int wait_status;
    bool stopping, killing;
    bool stop_requested, timed_out, out_of_memory, result_too_large;
    struct exec_failure failure;
    int64_t started_at;             // milliseconds since 1970
    int64_t deadline, kill_at;      // monotonic milliseconds; 0 for none
    int64_t memory_check_at;
    uint64_t oom_kills_before;
};

static int64_t monotonic_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void reset_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Becomes the job. Everything it needs has been allocated before the fork.
static _Noreturn void run_job(
    const struct spec *spec, int directory, pid_t shim, int go, int status, int out, int err) {
    struct exec_failure failure = {0};
#define FAIL(name) do { failure.error = errno; strcpy(failure.stage, name); goto failed; } while (0)
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim) _exit(127);
    int in = spec->input ? openat(directory, spec->input, O_RDONLY) : open("/dev/null", O_RDONLY);
    if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) FAIL("redirect");
    if (chdir(spec->work_directory) != 0) FAIL("chdir");
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (spec->open_files_max > 0) {
        struct rlimit files;
        if (getrlimit(RLIMIT_NOFILE, &files) != 0) FAIL("getrlimit");
        rlim_t wanted = (rlim_t)spec->open_files_max;
        if (files.rlim_max == RLIM_INFINITY || wanted <= files.rlim_max) files.rlim_max = wanted;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) FAIL("setrlimit");
    }
    // When memory runs out, the kernel shall take jobs before the server.
    write_text_file("/proc/self/oom_score_adj", "500");
    char byte;
    ssize_t count;
    do { count = read(go, &byte, 1); } while (count < 0 && errno == EINTR);
    if (count != 1) _exit(127);
    reset_signals();
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    execve(spec->executable, spec->arguments, spec->environment);
    FAIL("exec");
failed:
    (void)!write(status, &failure, sizeof failure);
    _exit(127);
#undef FAIL
}

static int write_started(const struct attempt *a) {
    char boot[64] = "", text[512];
    read_boot_id(boot, sizeof boot);
    snprintf(text, sizeof text,
        "{\"format\":1,\"bootId\":\"%s\",\"shimPid\":%d,\"shimStartTicks\":%llu,\"jobPid\":%d,"
        "\"jobStartTicks\":%llu,\"startedAt\":%lld}\n",
        boot, (int)getpid(), (unsigned long long)process_start_ticks(getpid()), (int)a->job,
        (unsigned long long)process_start_ticks(a->job), (long long)a->started_at);
    return write_durably(a->directory, "started.json", text, strlen(text));
}

// Writes how the attempt ended. A full disk is waited for: without this file the attempt's end is not known.
static void write_exit(const struct attempt *a) {
    struct rusage usage;
    memset(&usage, 0, sizeof usage);
    getrusage(RUSAGE_CHILDREN, &usage);
    char ending[96] = "\"exitCode\":null,\"signal\":null";
    bool oom = a->out_of_memory;
    if (a->failure.error == 0 && a->ended) {
        if (WIFEXITED(a->wait_status)) {
            snprintf(ending, sizeof ending, "\"exitCode\":%d,\"signal\":null", WEXITSTATUS(a->wait_status));
        } else if (WIFSIGNALED(a->wait_status)) {
            int number = WTERMSIG(a->wait_status);
            snprintf(ending, sizeof ending, "\"exitCode\":null,\"signal\":%d", number);
            bool ours = a->stop_requested || a->timed_out || a->out_of_memory;
            if (number == SIGKILL && !ours && oom_kill_count() > a->oom_kills_before) oom = true;
        }
    }
    char text[1024];
    snprintf(text, sizeof text,
        "{\"format\":1,%s,\"execErrno\":%d,\"execStage\":\"%s\",\"stopRequested\":%s,\"timedOut\":%s,"
        "\"outOfMemory\":%s,\"startedAt\":%lld,\"endedAt\":%lld,\"userMilliseconds\":%lld,"
        "\"systemMilliseconds\":%lld,\"maxResidentKiB\":%ld,\"outputBytes\":%lld,\"outputTruncated\":%s,"
        "\"resultTooLarge\":%s}\n",
        ending, a->failure.error, a->failure.stage, a->stop_requested ? "true" : "false",
        a->timed_out ? "true" : "false", oom ? "true" : "false", (long long)a->started_at,
        (long long)wall_clock_ms(), (long long)usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000,
        (long long)usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000, usage.ru_maxrss,
        (long long)a->output.written, a->output.truncated ? "true" : "false", a->result_too_large ? "true" : "false");
    for (int tries = 0; tries < 600; tries++) {
        if (write_durably(a->directory, "exit.json", text, strlen(text)) == 0) return;
        sleep(1);
    }
}

// Forks the job, makes started.json durable, lets the job go on. Returns 0 when the program was executed.
static int start_job(struct attempt *a) {
    int go[2], status[2], out[2], err[2];
    if (pipe2(go, O_CLOEXEC) || pipe2(status, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
        a->failure.error = errno;
        strcpy(a->failure.stage, "pipe");
        return -1;
    }
    pid_t shim = getpid();
    a->started_at = wall_clock_ms();
    a->job = fork();
    if (a->job == 0) run_job(&a->spec, a->directory, shim, go[0], status[1], out[1], err[1]);
    int fork_error = errno;
    close(go[0]);
    close(status[1]);
    close(out[1]);
    close(err[1]);
    a->out = out[0];
    a->err = err[0];
    if (a->job < 0) {
        a->failure.error = fork_error;
        strcpy(a->failure.stage, "fork");
        return -1;
    }
    if (write_started(a) != 0) {
        a->failure.error = errno;
        strcpy(a->failure.stage, "started.json");
        close(go[1]);  // the child sees the end of the pipe and exits
        waitpid(a->job, &a->wait_status, 0);
        return -1;
    }
    (void)!write(go[1], "g", 1);
    close(go[1]);
    ssize_t count;
    do { count = read(status[0], &a->failure, sizeof a->failure); } while (count < 0 && errno == EINTR);
    close(status[0]);
    if (count == (ssize_t)sizeof a->failure && a->failure.error != 0) {
        waitpid(a->job, &a->wait_status, 0);
        return -1;
    }
    memset(&a->failure, 0, sizeof a->failure);
    return 0;
}

static void begin_stop(struct attempt *a) {
    if (a->stopping || a->ended) return;
    a->stopping = true;
    a->kill_at = monotonic_ms() + a->spec.grace_ms;
    signal_descendants(SIGTERM);
}

// A request that comes after the job's own end changes nothing.
static void request_stop(struct attempt *a) {
    if (a->ended) return;
    a->stop_requested = true;
    begin_stop(a);
}

static void begin_kill(struct attempt *a) {
    a->killing = true;
    signal_descendants(SIGKILL);
}

// Waits for every child that has ended. Returns false when no child is left.
static bool reap(struct attempt *a) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid == 0) return true;
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return false;
        if (pid == a->job) {
            a->ended = true;
            a->wait_status = status;
        }
    }
}

static void read_requests(struct attempt *a) {
    struct signalfd_siginfo info;
    while (read(a->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD) request_stop(a);
    }
    char bytes[64];
    ssize_t count;
    while ((count = read(a->control, bytes, sizeof bytes)) > 0) {
        if (memchr(bytes, 's', (size_t)count)) request_stop(a);
    }
}

static int poll_timeout(const struct attempt *a) {
    if (a->killing) return KILL_INTERVAL_MS;
    int64_t next = -1;
    int64_t times[3] = {a->stopping ? 0 : a->deadline, a->stopping ? a->kill_at : 0, a->memory_check_at};
    for (int i = 0; i < 3; i++)
        if (times[i] > 0 && (next < 0 || times[i] < next)) next = times[i];
    if (next < 0) return -1;
    int64_t wait = next - monotonic_ms();
    return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait + 1;
}

static void check_times(struct attempt *a) {
    int64_t now = monotonic_ms();
    if (!a->stopping && !a->killing && a->deadline > 0 && now >= a->deadline) {
        a->timed_out = true;
        begin_stop(a);
    }
    if (a->stopping && !a->killing && now >= a->kill_at) begin_kill(a);
    if (a->memory_check_at > 0 && now >= a->memory_check_at) {
        a->memory_check_at = now + MEMORY_INTERVAL_MS;
        if (!a->killing && descendants_memory_bytes() > (uint64_t)a->spec.memory_bytes_max) {
            a->out_of_memory = true;
            begin_kill(a);
        }
    }
}

// Keeps standard output as it is. A job that writes more than it may is ended: what is kept of it is worth nothing.
static void keep_result(struct attempt *a, const char *bytes, size_t count) {
    if (a->result_too_large) return;
    if (a->result_bytes + (int64_t)count > a->spec.result_bytes_max || write_fully(a->result, bytes, count) != 0) {
        a->result_too_large = true;
        begin_stop(a);
        return;
    }
    a->result_bytes += (int64_t)count;
}

// Copies what the pipe holds; closes it at its end.
static void copy_output(struct attempt *a, int *pipe, char stream) {
    char bytes[65536];
    ssize_t count = read(*pipe, bytes, sizeof bytes);
    if (count > 0 && stream == 'o' && a->result >= 0) {
        keep_result(a, bytes, (size_t)count);
    } else if (count > 0) {
        output_append(&a->output, stream, bytes, (size_t)count);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
        close(*pipe);
        *pipe = -1;
    }
}

// Serves the job until its first process and all descendants are gone and their output has been read.
static void supervise(struct attempt *a) {
    bool children = true;
    int64_t drain_until = 0;
    while (children || a->out >= 0 || a->err >= 0) {
        struct pollfd fds[4] = {
            {a->signals, POLLIN, 0}, {a->control, POLLIN, 0}, {a->out, POLLIN, 0}, {a->err, POLLIN, 0}};
        poll(fds, 4, children ? poll_timeout(a) : 100);
        if (fds[2].revents) copy_output(a, &a->out, 'o');
        if (fds[3].revents) copy_output(a, &a->err, 'e');
        output_flush(&a->output);
        read_requests(a);
        if (children) {
            check_times(a);
            children = reap(a);
            // Reaping shows who is left: once the first process is gone, the rest goes too.
            if (children && (a->ended || a->killing)) signal_descendants(SIGKILL);
            if (children && a->ended) a->killing = true;
            if (!children) drain_until = monotonic_ms() + DRAIN_MS;
        } else if (monotonic_ms() >= drain_until) {
            break;  // somebody outside holds the pipe
        }
    }
    output_finish(&a->output);
    if (a->result >= 0) fsync(a->result);
}

static int open_control(int directory) {
    if (mkfifoat(directory, "control", 0600) != 0 && errno != EEXIST) return -1;
    return openat(directory, "control", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int open_signals(void) {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int run_shim(int directory, int ready) {
    struct attempt a;
    memset(&a, 0, sizeof a);
    a.directory = directory;
    a.out = a.err = a.result = -1;
    int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) return 1;
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) return EXIT_ALREADY_RUNNING;
    if (faccessat(directory, "exit.json", F_OK, 0) == 0) return EXIT_ALREADY_ENDED;
    if (faccessat(directory, "started.json", F_OK, 0) == 0) return EXIT_NEEDS_PROOF;
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    a.oom_kills_before = oom_kill_count();
    a.signals = open_signals();
    a.control = open_control(directory);
    int log = openat(directory, "output.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bool started = false;
    if (a.signals < 0 || a.control < 0 || log < 0) {
        a.failure.error = errno;
        strcpy(a.failure.stage, "attempt directory");
    } else if (read_spec(directory, &a.spec) != 0) {
        a.failure.error = errno;
        strcpy(a.failure.stage, "spec");
    } else if (output_begin(&a.output, log, a.spec.output_bytes_max) != 0) {
        a.failure.error = errno;
        strcpy(a.failure.stage, "output");
    } else if (a.spec.result_bytes_max > 0
               && (a.result = openat(directory, "result", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0) {
        a.failure.error = errno;
        strcpy(a.failure.stage, "result");
    } else {
        started = start_job(&a) == 0;
    }
    if (started) {
        int64_t now = monotonic_ms();
        if (a.spec.timeout_ms > 0) a.deadline = now + a.spec.timeout_ms;
        if (a.spec.memory_bytes_max > 0) a.memory_check_at = now + MEMORY_INTERVAL_MS;
        (void)!write(ready, "r", 1);
        close(ready);
        supervise(&a);
        write_exit(&a);
    } else {
        if (a.started_at == 0) a.started_at = wall_clock_ms();
        write_exit(&a);
        (void)!write(ready, "r", 1);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: millrace-shim DIRECTORY\n");
        return 64;
    }
    close_range(3, ~0U, 0);
    reset_signals();
    umask(077);
    int directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        fprintf(stderr, "millrace-shim: %s: %s\n", argv[1], strerror(errno));
        return 66;
    }
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0) return 71;
    pid_t child = fork();
    if (child < 0) return 71;
    if (child == 0) {
        close(ready[0]);
        _exit(run_shim(directory, ready[1]));
    }
    close(ready[1]);
    char byte;
    ssize_t count;
    do { count = read(ready[0], &byte, 1); } while (count < 0 && errno == EINTR);
    if (count == 1) return 0;
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 70;
    return WEXITSTATUS(status) == 0 ? 70 : WEXITSTATUS(status);
}
