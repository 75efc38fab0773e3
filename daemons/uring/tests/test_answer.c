// Tests of the client's answer: chunks in both formats, the end of an answer, and problems.

#include "check.h"
#include "chunk.h"
#include "log.h"
#include "problem.h"

static const struct {
    const char *about, *data, *simple, *openai;
} chunks[] = {
    {"a text", "{\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}", "\"hi\"", NULL},
    {"escapes", "{\"choices\":[{\"delta\":{\"content\":\"\\u00e4\\n\\t\\\"\\\\\\u0000\\/\"}}]}",
     "\"\xc3\xa4\\n\\u0009\\\"\\\\\\u0000/\"", NULL},
    {"a pair", "{\"choices\":[{\"delta\":{\"content\":\"\\ud83d\\ude00\"}}]}",
     "\"\xf0\x9f\x98\x80\"", NULL},
    {"half a pair", "{\"choices\":[{\"delta\":{\"content\":\"a\\ud83d\\\\ude00\\udE00b\"}}]}",
     "\"a\xef\xbf\xbd\\\\ude00\xef\xbf\xbd"
     "b\"",
     NULL},
    {"another choice", "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}", NULL, NULL},
    {"a list of text parts",
     "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\\n\"},{\"text\":\"b\"}"
     "]}}]}",
     "\"a\\nb\"", NULL},
    {"strings and a thinking part",
     "{\"choices\":[{\"delta\":{\"content\":[\"a\",{\"type\":\"thinking\",\"thinking\":[]},"
     "{\"type\":\"text\",\"text\":\"b\"}]}}]}",
     "\"ab\"", NULL},
    {"a list without parts", "{\"choices\":[{\"delta\":{\"content\":[]}}]}", NULL, NULL},
    {"text next to other fields",
     "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"reasoning_content\":\"b\","
     "\"tool_calls\":[{\"id\":\"c\"}],\"content\":\"a\"},\"finish_reason\":\"\"}]}",
     "\"a\"", NULL},
    {"no text", "{\"choices\":[{\"delta\":{\"content\":\"\"}},{\"delta\":null},{},null]}", NULL,
     NULL},
    {"big numbers", "{\"seed\":123456789012345678901234567890,\"x\":1e999,\"choices\":null}", NULL,
     NULL},
    {"several lines", "{\n\"choices\":\r[]}", NULL, "{ \"choices\": []}"},
};

static void add_event(struct buffer *to, const char *before, const char *value, const char *after) {
    if (value != NULL)
        buffer_print(to, "data: %s%s%s\n\n", before, value, after);
    buffer_add(to, "", 1);
}

static void test_formats(void) {
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct buffer simple = {0}, openai = {0}, expected = {0};
        struct text data = text_of(chunks[i].data);
        json_t *chunk = chunk_read(data);
        chunk_render(chunk, data, FORMAT_SIMPLE, &simple);
        chunk_render(chunk, data, FORMAT_OPENAI, &openai);
        json_decref(chunk);
        add_event(&expected, "{\"content\":", chunks[i].simple, "}");
        CHECK_TEXT(chunks[i].about, buffer_text(&simple), expected.bytes);
        buffer_clear(&expected);
        add_event(&expected, "", chunks[i].openai ? chunks[i].openai : chunks[i].data, "");
        CHECK_TEXT(chunks[i].about, buffer_text(&openai), expected.bytes);
        buffer_free(&simple);
        buffer_free(&openai);
        buffer_free(&expected);
    }
}

// Content of another type fails the simple format. The openai format relays the chunk.
static void test_odd_content(void) {
    static const char *const contents[] = {
        "5",    "false",          "{}",     "[5]",
        "[{}]", "[{\"text\":5}]", "[null]", "[{\"type\":\"image_url\",\"text\":\"a\"}]",
    };
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct buffer data = {0}, simple = {0}, openai = {0};
        buffer_print(&data, "{\"choices\":[{\"delta\":{\"content\":%s}}]}", contents[i]);
        json_t *chunk = chunk_read(buffer_text(&data));
        bool good = chunk_render(chunk, buffer_text(&data), FORMAT_SIMPLE, &simple);
        CHECK_TEXT(contents[i], text_of(good ? "rendered" : "failed"), "failed");
        good = chunk_render(chunk, buffer_text(&data), FORMAT_OPENAI, &openai);
        CHECK_TEXT(contents[i], text_of(good ? "rendered" : "failed"), "rendered");
        json_decref(chunk);
        buffer_free(&data);
        buffer_free(&simple);
        buffer_free(&openai);
    }
}

static void test_errors(void) {
    static const struct {
        const char *data, *kind;
    } cases[] = {
        {"{\"error\":{\"message\":\"no\"}}", "error"},
        {"{\"choices\":[],\"error\":{\"message\":\"no\"}}", "error"},
        {"{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":\"no\"}", "error"},
        {"{\"error\":503}", "error"},
        {"{\"error\":[]}", "error"},
        {"{\"error\":true}", "error"},
        {"{\"object\":\"error\",\"message\":\"no\",\"code\":400}", "error"},
        {"{\"message\":\"no\"}", "error"},
        {"{\"type\":\"error\"}", "error"},
        {"{\"detail\":\"no\"}", "error"},
        {"{\"detail\":[{\"msg\":\"no\"}]}", "error"},
        {"{\"detail\":\"\"}", "chunk"},
        {"{\"detail\":[]}", "chunk"},
        {"{\"error\":null,\"choices\":[]}", "chunk"},
        {"{\"choices\":[{\"delta\":{}}],\"message\":\"no\"}", "chunk"},
        {"{\"message\":{\"content\":\"a\"}}", "chunk"},
        {"{\"message\":\"\",\"object\":\"chat.completion.chunk\"}", "chunk"},
        {"{}", "chunk"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *chunk = chunk_read(text_of(cases[i].data));
        CHECK_TEXT(cases[i].data, text_of(chunk_is_error(chunk) ? "error" : "chunk"),
                   cases[i].kind);
        json_decref(chunk);
    }
}

static void test_reported(void) {
    static const struct {
        const char *data, *message;
    } cases[] = {
        {"", "the API reported an error"},
        {"{}", "the API reported an error"},
        {"\"no\"", "no"},
        {"sorry", "sorry"},
        {"{\"code\":500,\"message\":\"no\"}", "no"},
        {"{\"detail\":\"no\"}", "no"},
        {"{\"error\":503}", "the API reported an error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problem p = problem_reported(text_of(cases[i].data));
        CHECK_TEXT(cases[i].data, text_of(p.message), cases[i].message);
        problem_free(&p);
    }
}

static void test_completion(void) {
    static const struct {
        const char *about, *chunk, *reached;
    } steps[] = {
        {"a role", "{\"choices\":[{\"index\":0,\"delta\":{}}]}", "no"},
        {"another choice", "{\"choices\":[{\"index\":1,\"finish_reason\":null}]}", "no"},
        {"one finished", "{\"choices\":[{\"index\":1,\"finish_reason\":\"stop\"}]}", "no"},
        {"usage", "{\"choices\":[],\"usage\":{}}", "no"},
        {"an empty reason", "{\"choices\":[{\"index\":0,\"finish_reason\":\"\"}]}", "no"},
        {"a number as reason", "{\"choices\":[{\"index\":0,\"finish_reason\":1}]}", "no"},
        {"both finished", "{\"choices\":[{\"index\":0,\"finish_reason\":\"odd\"}]}", "yes"},
        {"and one again", "{\"choices\":[{\"index\":1,\"finish_reason\":null}]}", "yes"},
    };
    struct completion c = {0};
    CHECK_TEXT("no choices", text_of(completion_reached(&c) ? "yes" : "no"), "no");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        json_t *chunk = chunk_read(text_of(steps[i].chunk));
        completion_note(&c, chunk);
        json_decref(chunk);
        CHECK_TEXT(steps[i].about, text_of(completion_reached(&c) ? "yes" : "no"),
                   steps[i].reached);
    }
    completion_free(&c);
}

static void test_problems(void) {
    static const struct {
        const char *about, *data, *event;
    } cases[] = {
        {"an object", "{\"error\":{\"message\":\"no\\n\",\"type\":\"t\",\"code\":\"c\"}}",
         "{\"message\":\"no\\n\",\"type\":\"t\",\"code\":\"c\"}"},
        {"a number", "{\"error\":{\"message\":\"no\",\"code\":12345678901234567890}}",
         "{\"message\":\"no\",\"type\":\"upstream_error\",\"code\":12345678901234567890}"},
        {"a text", "{\"error\":\"no\"}",
         "{\"message\":\"no\",\"type\":\"upstream_error\",\"code\":null}"},
        {"fields without the key", "{\"message\":\"no\",\"code\":true}",
         "{\"message\":\"no\",\"type\":\"upstream_error\",\"code\":null}"},
        {"an empty object", "{\"error\":{}}",
         "{\"message\":\"the API reported an error\",\"type\":\"upstream_error\",\"code\":null}"},
        {"the key",
         "{\"error\":{\"message\":\"bad sk-1 or sk-1\",\"type\":\"sk-1\",\"code\":\"sk-1\"}}",
         "{\"message\":\"bad [redacted] or [redacted]\",\"type\":\"[redacted]\","
         "\"code\":\"[redacted]\"}"},
        {"not an error", "{\"choices\":[]}", NULL},
        {"not JSON", "<html>", NULL},
    };
    log_hide("sk-1");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer event = {0}, expected = {0};
        struct problem p;
        if (problem_read(text_of(cases[i].data), &p)) {
            problem_event(&p, &event);
            problem_free(&p);
        }
        add_event(&expected, "{\"error\":", cases[i].event, "}");
        CHECK_TEXT(cases[i].about, buffer_text(&event), expected.bytes);
        buffer_free(&event);
        buffer_free(&expected);
    }
}

static void test_response(void) {
    struct buffer response = {0};
    struct problem p = problem_of(429, UPSTREAM_ERROR, "c", "wait");
    p.retry_after = strdup("30");
    problem_response(&p, TEXT("X: y\r\n"), &response);
    CHECK_TEXT("a response", buffer_text(&response),
               "HTTP/1.1 429 Too Many Requests\r\n"
               "Content-Type: application/json\r\n"
               "Cache-Control: no-cache\r\n"
               "Connection: close\r\n"
               "Content-Length: 64\r\n"
               "Retry-After: 30\r\n"
               "X: y\r\n"
               "\r\n"
               "{\"error\":{\"message\":\"wait\",\"type\":\"upstream_error\",\"code\":\"c\"}}\n");
    problem_free(&p);
    buffer_free(&response);
}

int main(void) {
    test_formats();
    test_odd_content();
    test_errors();
    test_reported();
    test_completion();
    test_problems();
    test_response();
    return check_summary("answer");
}
