#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static _Noreturn void out_of_memory(void) {
    fputs("streaming-daemon: out of memory\n", stderr);
    abort();
}

void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL)
        out_of_memory();
    return memory;
}

struct text text_of(const char *string) {
    return (struct text){string, strlen(string)};
}

struct text buffer_text(const struct buffer *b) {
    return (struct text){b->bytes, b->length};
}

bool text_is(struct text t, const char *string) {
    return t.length == strlen(string) && (t.length == 0 || memcmp(t.bytes, string, t.length) == 0);
}

bool text_is_like(struct text t, const char *string) {
    return t.length == strlen(string) &&
           (t.length == 0 || strncasecmp(t.bytes, string, t.length) == 0);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

struct text text_trim(struct text t) {
    while (t.length > 0 && is_blank(t.bytes[0])) {
        t.bytes++;
        t.length--;
    }
    while (t.length > 0 && is_blank(t.bytes[t.length - 1]))
        t.length--;
    return t;
}

static void reserve(struct buffer *b, size_t length) {
    if (b->capacity - b->length >= length)
        return;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity - b->length < length)
        capacity *= 2;
    b->bytes = realloc(b->bytes, capacity);
    if (b->bytes == NULL)
        out_of_memory();
    b->capacity = capacity;
}

void buffer_add(struct buffer *b, const void *bytes, size_t length) {
    if (length == 0)
        return;
    reserve(b, length);
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
}

void buffer_add_text(struct buffer *b, struct text t) {
    buffer_add(b, t.bytes, t.length);
}

void buffer_print(struct buffer *b, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    reserve(b, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(b->bytes + b->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    b->length += (size_t)length;
}

void buffer_drop(struct buffer *b, size_t length) {
    b->length -= length;
    if (b->length == 0)
        buffer_free(b);
    else
        memmove(b->bytes, b->bytes + length, b->length);
}

void buffer_clear(struct buffer *b) {
    b->length = 0;
}

void buffer_free(struct buffer *b) {
    free(b->bytes);
    *b = (struct buffer){0};
}
