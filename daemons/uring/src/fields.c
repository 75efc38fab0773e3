#include "fields.h"

#include <stdlib.h>

static struct field *find(const struct fields *f, const char *name) {
    json_t *place = json_object_get(f->places, name);
    return place == NULL ? NULL : &f->at[json_integer_value(place)];
}

static void add(struct fields *f, const char *name, struct field field) {
    if (f->count == f->capacity) {
        f->capacity = f->capacity ? 2 * f->capacity : 16;
        f->at = realloc(f->at, f->capacity * sizeof *f->at);
        if (f->at == NULL)
            abort();
    }
    if (f->places == NULL)
        f->places = json_object();
    json_object_set_new(f->places, name, json_integer((json_int_t)f->count));
    f->at[f->count++] = field;
}

bool fields_set_member(struct fields *f, const struct member *m) {
    char *name = member_name(m);
    struct field *known = find(f, name);
    if (known != NULL)
        known->value = m->value;
    else
        add(f, name, (struct field){m->name, m->value});
    free(name);
    return known == NULL;
}

void fields_set(struct fields *f, struct text quoted_name, struct text value) {
    fields_set_member(f, &(struct member){quoted_name, value});
}

struct text fields_get(const struct fields *f, const char *name) {
    const struct field *field = find(f, name);
    if (field == NULL)
        return (struct text){0};
    return field->value;
}

void fields_encode(const struct fields *f, struct buffer *to) {
    for (size_t i = 0; i < f->count; i++) {
        buffer_add(to, i == 0 ? "{" : ",", 1);
        buffer_add_text(to, f->at[i].name);
        buffer_add(to, ":", 1);
        buffer_add_text(to, f->at[i].value);
    }
    buffer_add(to, "}", 1);
}

void fields_free(struct fields *f) {
    free(f->at);
    json_decref(f->places);
}
