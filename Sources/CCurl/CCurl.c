#define CURL_DISABLE_TYPECHECK
#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

// For each function: what it returns, its name, its parameters, their names.
#define FUNCTIONS(each)                                                                                              \
    each(CURLcode, curl_global_init, (long flags), (flags))                                                          \
    each(CURL *, curl_easy_init, (void), ())                                                                         \
    each(void, curl_easy_reset, (CURL * easy), (easy))                                                               \
    each(void, curl_easy_cleanup, (CURL * easy), (easy))                                                             \
    each(CURLcode, curl_easy_pause, (CURL * easy, int mask), (easy, mask))                                           \
    each(const char *, curl_easy_strerror, (CURLcode code), (code))                                                  \
    each(CURLM *, curl_multi_init, (void), ())                                                                       \
    each(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))                                                    \
    each(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL * easy), (multi, easy))                              \
    each(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL * easy), (multi, easy))                           \
    each(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), (multi, running))                             \
    each(CURLMcode, curl_multi_poll,                                                                                 \
         (CURLM * multi, struct curl_waitfd extra[], unsigned int count, int milliseconds, int *ready),              \
         (multi, extra, count, milliseconds, ready))                                                                 \
    each(CURLMcode, curl_multi_wakeup, (CURLM * multi), (multi))                                                     \
    each(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *left), (multi, left))                                 \
    each(const char *, curl_multi_strerror, (CURLMcode code), (code))                                                \
    each(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text), (list, text))         \
    each(void, curl_slist_free_all, (struct curl_slist * list), (list))

// The variadic ones, which are not forwarded under their own names.
#define VARIADIC(each)                                                                                               \
    each(CURLcode, curl_easy_setopt, (CURL * easy, CURLoption option, ...), ())                                      \
    each(CURLcode, curl_easy_getinfo, (CURL * easy, CURLINFO info, ...), ())                                         \
    each(CURLMcode, curl_multi_setopt, (CURLM * multi, CURLMoption option, ...), ())

#define POINTER(result, name, parameters, arguments) result(*name) parameters;
static struct { FUNCTIONS(POINTER) VARIADIC(POINTER) } library;

// They bear libcurl's names; hidden, they are this program's alone, and libcurl, which calls itself by these names, does
// not find them.
#define FORWARD(result, name, parameters, arguments)                                                                 \
    __attribute__((visibility("hidden"))) result name parameters;                                                    \
    result name parameters { return library.name arguments; }
FUNCTIONS(FORWARD)

static char problem[512];

static void *open_library(void) {
    // Debian has libcurl for OpenSSL and for GnuTLS.
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        void *handle = dlopen(names[index], RTLD_NOW | RTLD_LOCAL);
        if (handle) return handle;
        if (index == 0) {
            const char *reason = dlerror();
            snprintf(problem, sizeof problem, "libcurl cannot be loaded: %s. On Debian, `apt-get install libcurl4` brings it.",
                     reason ? reason : "libcurl.so.4");
        }
    }
    return NULL;
}

static void load(void) {
    void *handle = open_library();
    if (!handle) return;
    problem[0] = 0;
#define LOOK_UP(result, name, parameters, arguments)                                                                 \
    *(void **)&library.name = dlsym(handle, #name);                                                                  \
    if (!library.name) snprintf(problem, sizeof problem, "this libcurl is too old: it lacks " #name ".");
    FUNCTIONS(LOOK_UP)
    VARIADIC(LOOK_UP)
}

const char *millrace_curl_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return problem[0] ? problem : NULL;
}

CURLcode millrace_curl_set_long(CURL *handle, CURLoption option, long value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode millrace_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode millrace_curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode millrace_curl_set_write(CURL *handle, CURLoption option, curl_write_callback value) {
    return library.curl_easy_setopt(handle, option, value);
}
CURLcode millrace_curl_set_read(CURL *handle, curl_read_callback value) {
    return library.curl_easy_setopt(handle, CURLOPT_READFUNCTION, value);
}
CURLcode millrace_curl_set_seek(CURL *handle, curl_seek_callback value) {
    return library.curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, value);
}
CURLcode millrace_curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return library.curl_easy_getinfo(handle, info, value);
}
CURLcode millrace_curl_get_pointer(CURL *handle, CURLINFO info, void *value) {
    return library.curl_easy_getinfo(handle, info, value);
}
CURLMcode millrace_curl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
    return library.curl_multi_setopt(handle, option, value);
}
