#ifndef MILLRACE_CXXHASH_H
#define MILLRACE_CXXHASH_H

// The library's declarations. Its header holds the implementation, too, which xxhash.c compiles: nothing has to be loaded
// when the program starts.
#include <xxhash.h>

#endif
