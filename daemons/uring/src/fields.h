// The members of a JSON object, in order and each name once: one that is set again keeps its
// place. Names and values are kept as the text they came in.

#ifndef FIELDS_H
#define FIELDS_H

#include "json_text.h"

// The zero value has none.
struct fields {
    struct field {
        struct text name; // with its quotes
        struct text value;
    } * at;
    size_t count, capacity;
    json_t *places; // by decoded name
};

// A member that came; it must outlive the fields. False when one of its name was there.
bool fields_set_member(struct fields *f, const struct member *m);
// A field of ours, whose name needs no escapes.
void fields_set(struct fields *f, struct text quoted_name, struct text value);
// The value's text; empty when there is none.
struct text fields_get(const struct fields *f, const char *name);
// Adds the object.
void fields_encode(const struct fields *f, struct buffer *to);
void fields_free(struct fields *f);

#endif
