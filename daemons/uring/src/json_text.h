// JSON as text. What is relayed keeps the text it came in: numbers digit for digit, escapes
// as they were written. Jansson says whether a text is JSON and what is in it; where it is,
// is found here, in text that Jansson has accepted.
//
// Jansson holds numbers in 64 bits, and refuses half a surrogate pair and names with a NUL.
// All are to be relayed, so the copy that it reads has another in place of a long number, U+FFFD
// in place of the half and U+0001 in place of the NUL.

#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include "buffer.h"

#include <jansson.h>

// The value that the text is, for json_decref; NULL when it is not JSON.
json_t *json_read(struct text t);

// One member of an object: its value's text, and its name's, with the quotes.
struct member {
    struct text name;
    struct text value;
};

// Walks the members of an object whose text json_read has accepted. Begin with the object's
// whole text; false when there are no more.
bool json_next_member(struct text *object, struct member *m);
// The name decoded, for free().
char *member_name(const struct member *m);

// Adds the text, which must be UTF-8, as a JSON string.
void json_quote(struct buffer *to, struct text t);
struct text json_text_of(const json_t *string);

#endif
