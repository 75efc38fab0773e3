// A buffer: bytes that grow at the end and are taken from the front.
//
// The zero value is an empty buffer without memory. One that has been emptied gives its
// memory back, so that a stream at rest costs nothing but its struct.

#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
};

// A piece of text that somebody else owns.
struct text {
    const char *bytes;
    size_t length;
};

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

struct text text_of(const char *string);
struct text buffer_text(const struct buffer *b);
bool text_is(struct text t, const char *string);
// The same regardless of the letters' case.
bool text_is_like(struct text t, const char *string);
// Without the spaces and tabs around it.
struct text text_trim(struct text t);

void buffer_add(struct buffer *b, const void *bytes, size_t length);
void buffer_add_text(struct buffer *b, struct text t);
void buffer_print(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Drops bytes from the front.
void buffer_drop(struct buffer *b, size_t length);
// Empties the buffer and keeps its memory for what comes next.
void buffer_clear(struct buffer *b);
void buffer_free(struct buffer *b);

// Memory, or the end of the process: a daemon that has none left has nothing to say either.
void *allocate(size_t size);

// The struct that a member is part of.
#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
