#include "answer_head.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_event_stream(struct text value) {
    const char *end = memchr(value.bytes, ';', value.length);
    if (end != NULL)
        value.length = (size_t)(end - value.bytes);
    return text_is_like(text_trim(value), "text/event-stream");
}

// Reports whether the value is a number of seconds or a date (RFC 9110, section 10.2.3).
static bool is_delay(const char *value) {
    size_t digits = strspn(value, "0123456789");
    if (digits > 0 && digits < 10 && value[digits] == '\0')
        return true;
    struct tm date;
    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);
    return end != NULL && *end == '\0';
}

void answer_head_note(struct answer_head *head, struct text name, struct text value) {
    value = text_trim(value);
    if (text_is_like(name, "content-type")) {
        head->event_stream = is_event_stream(value);
    } else if (text_is_like(name, "content-encoding")) {
        head->encoded = value.length > 0 && !text_is_like(value, "identity");
    } else if (text_is_like(name, "retry-after") && value.length < sizeof head->retry_after) {
        snprintf(head->retry_after, sizeof head->retry_after, "%.*s", (int)value.length,
                 value.bytes);
        if (!is_delay(head->retry_after))
            head->retry_after[0] = '\0';
    }
}
