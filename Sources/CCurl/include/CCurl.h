#ifndef MILLRACE_CCURL_H
#define MILLRACE_CCURL_H

// The functions of libcurl that we call, defined here, each passing the call on to the library. That is loaded by the
// first `millrace_curl_load`, not when the program starts: with the two dozen libraries it brings along, it would
// take most of the time of every command that speaks to nobody, and several megabytes of an idle server.
//
// Nothing else may be called before `millrace_curl_load` has returned NULL.
#include <curl/curl.h>

/// Loads libcurl; later calls repeat the first one's outcome. Any thread may call it.
///
/// - Returns: NULL, or why there is no libcurl, as text that stays valid.
const char *millrace_curl_load(void);

// libcurl's option setters are variadic, which Swift cannot call: one fixed-arity wrapper per argument type.
CURLcode millrace_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode millrace_curl_set_offset(CURL *handle, CURLoption option, curl_off_t value);
CURLcode millrace_curl_set_pointer(CURL *handle, CURLoption option, const void *value);
CURLcode millrace_curl_set_write(CURL *handle, CURLoption option, curl_write_callback value);
CURLcode millrace_curl_set_read(CURL *handle, curl_read_callback value);
CURLcode millrace_curl_set_seek(CURL *handle, curl_seek_callback value);
CURLcode millrace_curl_get_long(CURL *handle, CURLINFO info, long *value);
CURLcode millrace_curl_get_pointer(CURL *handle, CURLINFO info, void *value);
CURLMcode millrace_curl_multi_set_long(CURLM *handle, CURLMoption option, long value);

#endif
