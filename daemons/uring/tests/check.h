// The unit tests' check: a comparison that prints a failure and continues, and a summary line.

#ifndef CHECK_H
#define CHECK_H

#include "buffer.h"

#include <stdio.h>
#include <string.h>

static int checks, failures;

// `about` names the case.
static void check_text(const char *file, int line, const char *about, struct text actual,
                       const char *expected) {
    checks++;
    if (text_is(actual, expected))
        return;
    failures++;
    printf("%s:%d: %s\n  expected  %s\n  actual    %.*s\n", file, line, about, expected,
           (int)actual.length, actual.bytes);
}

#define CHECK_TEXT(about, actual, expected) check_text(__FILE__, __LINE__, about, actual, expected)

static inline int check_summary(const char *name) {
    printf("%s: %d checks, %d failed\n", name, checks, failures);
    return failures > 0;
}

#endif
