#include "json_text.h"

#include <stdlib.h>
#include <string.h>

// The longest number that Jansson parses. Any number of 15 digits is exact as a double. A number
// with an exponent may be outside of a double's range.
enum { PLAIN_DIGITS = 15 };

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_number_part(char c) {
    return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

// Checks the grammar of RFC 8259, section 6.
static bool is_number(const char *c, const char *end) {
    c += c < end && *c == '-';
    const char *digits = c;
    while (c < end && is_digit(*c))
        c++;
    if (c == digits || (*digits == '0' && c - digits > 1))
        return false;
    if (c < end && *c == '.') {
        digits = ++c;
        while (c < end && is_digit(*c))
            c++;
        if (c == digits)
            return false;
    }
    if (c < end && (*c == 'e' || *c == 'E')) {
        c++;
        c += c < end && (*c == '-' || *c == '+');
        digits = c;
        while (c < end && is_digit(*c))
            c++;
        if (c == digits)
            return false;
    }
    return c == end;
}

// Returns the code unit of the escape \uXXXX that begins here, or a negative number.
static int escaped_unit(const char *c, const char *end) {
    if (end - c < 6 || c[0] != '\\' || c[1] != 'u')
        return -1;
    int unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = is_digit(c[i])               ? c[i] - '0'
                    : c[i] >= 'a' && c[i] <= 'f' ? c[i] - 'a' + 10
                    : c[i] >= 'A' && c[i] <= 'F' ? c[i] - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        unit = 16 * unit + digit;
    }
    return unit;
}

static bool is_high(int unit) {
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int unit) {
    return unit >= 0xdc00 && unit <= 0xdfff;
}

// Reports whether the string that ends here is a member's name.
static bool is_name(const char *quote, const char *end) {
    do
        quote++;
    while (quote < end && is_space(*quote));
    return quote < end && *quote == ':';
}

// Replaces NUL in a name by another control character, because Jansson refuses it.
static void soften_name(char *c, const char *quote) {
    for (; c < quote; c += *c == '\\' ? 2 : 1)
        if (escaped_unit(c, quote) == 0)
            memcpy(c, "\\u0001", 6);
}

// Replaces lone surrogates in a string. Returns its closing quote.
static char *soften_string(char *c, char *end) {
    char *begin = c;
    while (c < end && *c != '"') {
        if (*c != '\\') {
            c++;
            continue;
        }
        int unit = escaped_unit(c, end);
        if (is_high(unit) && is_low(escaped_unit(c + 6, end))) {
            c += 12;
            continue;
        }
        if (is_high(unit) || is_low(unit))
            memcpy(c, "\\ufffd", 6);
        c += unit >= 0 ? 6 : 2;
    }
    if (c < end && is_name(c, end))
        soften_name(begin, c);
    return c;
}

static void soften_number(char *c, char *end) {
    size_t length = (size_t)(end - c);
    bool power = memchr(c, 'e', length) != NULL || memchr(c, 'E', length) != NULL;
    if ((length <= PLAIN_DIGITS && !power) || !is_number(c, end))
        return; // Jansson can parse it, or must refuse it
    bool integer = !power && memchr(c, '.', length) == NULL;
    memset(c, ' ', length);
    memcpy(c, integer ? "1" : "1.5", integer ? 1 : 3);
}

static void soften(char *c, char *end) {
    while (c < end) {
        if (*c == '"') {
            c = soften_string(c + 1, end);
            c += c < end;
        } else if (is_number_part(*c)) {
            char *number = c;
            while (c < end && is_number_part(*c))
                c++;
            soften_number(number, c);
        } else {
            c++;
        }
    }
}

json_t *json_read(struct text t) {
    if (t.length == 0)
        return NULL;
    char *copy = allocate(t.length);
    memcpy(copy, t.bytes, t.length);
    soften(copy, copy + t.length);
    json_t *value = json_loadb(copy, t.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    free(copy);
    return value;
}

static void skip_spaces(struct text *t) {
    while (t->length > 0 && (is_space(t->bytes[0]) || t->bytes[0] == ',')) {
        t->bytes++;
        t->length--;
    }
}

static size_t string_length(struct text t) {
    size_t i = 1;
    while (i < t.length && t.bytes[i] != '"')
        i += t.bytes[i] == '\\' ? 2 : 1;
    return i + 1 < t.length ? i + 1 : t.length;
}

static size_t value_length(struct text t) {
    size_t depth = 0, i = 0;
    while (i < t.length) {
        char c = t.bytes[i];
        if (c == '"') {
            i += string_length((struct text){t.bytes + i, t.length - i});
            if (depth == 0)
                return i;
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c)))
            return i;
        i++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return i;
    }
    return i;
}

static struct text take(struct text *t, size_t length) {
    struct text taken = {t->bytes, length};
    t->bytes += length;
    t->length -= length;
    return taken;
}

bool json_next_member(struct text *object, struct member *m) {
    skip_spaces(object);
    if (object->length > 0 && object->bytes[0] == '{') {
        take(object, 1);
        skip_spaces(object);
    }
    if (object->length == 0 || object->bytes[0] != '"')
        return false;
    m->name = take(object, string_length(*object));
    skip_spaces(object);
    take(object, 1); // the colon
    skip_spaces(object);
    m->value = take(object, value_length(*object));
    return true;
}

char *member_name(const struct member *m) {
    json_t *name = json_read(m->name);
    size_t length = json_string_length(name);
    char *copy = allocate(length + 1);
    memcpy(copy, json_string_value(name), length);
    for (char *c = copy; c < copy + length; c++)
        if (*c == '\0')
            *c = 1; // the same replacement as in soften_name
    json_decref(name);
    return copy;
}

void json_quote(struct buffer *to, struct text t) {
    buffer_add(to, "\"", 1);
    size_t plain = 0;
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buffer_add(to, t.bytes + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            char escape[2] = {'\\', (char)c};
            buffer_add(to, escape, 2);
        } else if (c == '\n') {
            buffer_add(to, "\\n", 2);
        } else {
            buffer_print(to, "\\u%04x", c);
        }
    }
    buffer_add(to, t.bytes + plain, t.length - plain);
    buffer_add(to, "\"", 1);
}

struct text json_text_of(const json_t *string) {
    return (struct text){json_string_value(string), json_string_length(string)};
}
