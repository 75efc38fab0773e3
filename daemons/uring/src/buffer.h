// A buffer is a byte array that grows at the end and shrinks from the front.
//
// The zero value is an empty buffer without memory. A buffer frees its memory when it becomes
// empty, so an idle stream needs only its struct.

#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
};

// A text is a borrowed piece of memory.
struct text {
    const char *bytes;
    size_t length;
};

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})

struct text text_of(const char *string);
struct text buffer_text(const struct buffer *b);
bool text_is(struct text t, const char *string);
// Compares without regard to case.
bool text_is_like(struct text t, const char *string);
// Returns the text without the spaces and tabs around it.
struct text text_trim(struct text t);

void buffer_add(struct buffer *b, const void *bytes, size_t length);
void buffer_add_text(struct buffer *b, struct text t);
void buffer_print(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Removes bytes from the front.
void buffer_drop(struct buffer *b, size_t length);
// Empties the buffer but keeps its memory.
void buffer_clear(struct buffer *b);
void buffer_free(struct buffer *b);

// Returns zeroed memory. Ends the process when there is no memory left.
void *allocate(size_t size);

// Returns the struct that contains this member.
#define CONTAINER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
