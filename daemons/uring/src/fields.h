// Fields are the members of a JSON object, in order, with unique names. Setting a name again
// keeps its place. Names and values keep their JSON text.

#ifndef FIELDS_H
#define FIELDS_H

#include "json_text.h"

// The zero value is empty.
struct fields {
    struct field {
        struct text name; // with its quotes
        struct text value;
    } * at;
    size_t count, capacity;
    json_t *places; // maps decoded names to positions
};

// Sets a parsed member, whose text must outlive the fields. False if the name was already set.
bool fields_set_member(struct fields *f, const struct member *m);
// Sets a field of the daemon's own, whose name needs no escapes.
void fields_set(struct fields *f, struct text quoted_name, struct text value);
// Returns the text of a value, or an empty text.
struct text fields_get(const struct fields *f, const char *name);
// Adds the fields as a JSON object.
void fields_encode(const struct fields *f, struct buffer *to);
void fields_free(struct fields *f);

#endif
