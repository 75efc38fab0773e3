// JSON as text. The daemon relays JSON unchanged: numbers keep their digits, strings keep their
// escapes. Jansson validates a text and parses its values. This module finds the text of each
// value, in JSON that Jansson has accepted.
//
// Jansson stores numbers in 64 bits, and refuses lone surrogates, and names with a NUL. The daemon
// relays all of these. So Jansson parses a copy with replacements: a short number for a long one,
// U+FFFD for a lone surrogate, and U+0001 for NUL in a name.

#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "buffer.h"

#include <jansson.h>

// Parses a text. Returns NULL if it is not JSON. Release it with json_decref.
json_t *json_read(struct text t);

// One member of an object: the text of its name, with the quotes, and the text of its value.
struct member {
    struct text name;
    struct text value;
};

// Iterates over the members of an object that json_read has accepted. Begin with the object's
// whole text. False after the last member.
bool json_next_member(struct text *object, struct member *m);
// Returns the decoded name. Release it with free().
char *member_name(const struct member *m);

// Adds the text as a JSON string. The text must be UTF-8.
void json_quote(struct buffer *to, struct text t);
struct text json_text_of(const json_t *string);

#endif
