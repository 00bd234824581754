// What an attempt runs, as the server wrote it.
//
// The file `spec` is a sequence of NUL-terminated texts: a key, its value, a key, its value. `argument` (the first one
// is the program's name for itself) and `environment` (`NAME=value`) repeat in order; unknown keys are an error.
#ifndef MILLRACE_SHIM_SPEC_H
#define MILLRACE_SHIM_SPEC_H

#include <stdint.h>

struct spec {
    char *executable;
    char *work_directory;
    char **arguments;
    char **environment;
    int64_t timeout_ms;        // 0: none
    int64_t grace_ms;          // from the request to stop to the kill
    int64_t memory_bytes_max;  // of all descendants together; 0: no limit
    int64_t open_files_max;    // 0: as inherited
    int64_t output_bytes_max;
    char *input;               // a file in the directory that is the standard input; NULL: /dev/null
    int64_t result_bytes_max;  // standard output goes as it is into the file `result`; 0: as lines into output.log
};

// Returns 0, or -1 with errno set: EINVAL for a file that does not say what is needed.
int read_spec(int directory, struct spec *spec);

#endif
