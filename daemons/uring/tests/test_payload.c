// Tests of the payload parser, which builds the API's request from the handoff data.

#include "check.h"
#include "payload.h"

#include <stdlib.h>

#define MESSAGES(prompt) "\"messages\":[{\"role\":\"user\",\"content\":" prompt "}]"
#define REQUEST "{\"model\":\"gpt-4o-mini\"," MESSAGES("\"hi\"")

static const struct {
    const char *about, *data, *body;
} requests[] = {
    {"a prompt", "{\"prompt\":\"hi\"}", REQUEST ",\"stream\":true}"},
    {"system", " { \"system\" : \"be\" , \"prompt\" : \"hi\" } ",
     "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"system\",\"content\":\"be\"},"
     "{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true}"},
    {"messages win", "{\"prompt\":\"x\",\"messages\":[ {\"role\":\"user\",\"content\":null} ]}",
     "{\"model\":\"gpt-4o-mini\",\"messages\":[ {\"role\":\"user\",\"content\":null} ],"
     "\"stream\":true}"},
    {"no messages", "{\"prompt\":\"hi\",\"messages\":[]}", REQUEST ",\"stream\":true}"},
    {"null is absent", "{\"prompt\":\"hi\",\"messages\":null,\"model\":null,\"body\":null}",
     REQUEST ",\"stream\":true}"},
    {"a user with a name", "{\"prompt\":\"hi\",\"user_id\":\"u-7\"}",
     REQUEST ",\"user\":\"u-7\",\"stream\":true}"},
    {"names of the API",
     "{\"user_id\":7,\"temperature\":0.0,\"max_tokens\":0,\"prompt\":\"hi\",\"model\":\"m\"}",
     "{\"model\":\"m\"," MESSAGES(
         "\"hi\"") ",\"max_tokens\":0,\"temperature\":0.0,\"user\":7,\"stream\":true}"},
    {"escapes stay as they are", "{\"prompt\":\"\\ud83d\\u0000\\/\\n\"}",
     "{\"model\":\"gpt-4o-mini\"," MESSAGES("\"\\ud83d\\u0000\\/\\n\"") ",\"stream\":true}"},
    {"numbers digit for digit",
     "{\"prompt\":\"hi\",\"body\":{\"seed\":9007199254740993,\"x\":[1e400,-0.10,"
     "123456789012345678901"
     "]}}",
     REQUEST
     ",\"seed\":9007199254740993,\"x\":[1e400,-0.10,123456789012345678901],\"stream\":true}"},
    {"the body wins, except for stream",
     "{\"prompt\":\"hi\",\"model\":\"a\",\"body\":{\"model\":\"b\",\"stream\":false,\"n\":2}}",
     "{\"model\":\"b\"," MESSAGES("\"hi\"") ",\"stream\":true,\"n\":2}"},
    {"a duplicate name in the body",
     "{\"prompt\":\"hi\",\"body\":{\"a\":1,\"\\u0061\":{\"}\":[]}}}",
     REQUEST ",\"a\":{\"}\":[]},\"stream\":true}"},
    {"odd names in the body", "{\"prompt\":\"hi\",\"body\":{\"\\u0000\":1,\"\\\"\":2,\"\":3}}",
     REQUEST ",\"\\u0000\":1,\"\\\"\":2,\"\":3,\"stream\":true}"},
};

static const struct {
    const char *about, *data, *reason;
} refusals[] = {
    {"empty data", "", "expected a JSON object in UTF-8 as handoff data"},
    {"a list", "[]", "expected a JSON object in UTF-8 as handoff data"},
    {"cut", "{\"prompt\":\"hi\"", "expected a JSON object in UTF-8 as handoff data"},
    {"two", "{\"prompt\":\"hi\"}{}", "expected a JSON object in UTF-8 as handoff data"},
    {"not UTF-8", "{\"prompt\":\"\xff\"}", "expected a JSON object in UTF-8 as handoff data"},
    {"an invalid number", "{\"prompt\":\"hi\",\"x\":1.234567890123456789.5}",
     "expected a JSON object in UTF-8 as handoff data"},
    {"neither", "{}", "expected prompt or messages, found neither"},
    {"a duplicate name", "{\"prompt\":\"a\",\"pr\\u006fmpt\":\"b\"}",
     "expected each field once, found \"pr\\u006fmpt\" twice"},
    {"user_id", "{\"prompt\":\"hi\",\"user_id\":[7]}", "user_id: expected a string or a number"},
    {"prompt", "{\"prompt\":1}", "prompt: expected a string"},
    {"prompt next to messages", "{\"messages\":[{\"role\":\"user\"}],\"prompt\":[]}",
     "prompt: expected a string"},
    {"messages", "{\"messages\":{}}", "messages: expected a list"},
    {"a message", "{\"messages\":[1]}", "messages[0]: expected an object with role and content"},
    {"role", "{\"messages\":[{\"content\":\"\"}]}", "messages[0]: role: expected a string"},
    {"content", "{\"messages\":[{\"role\":\"user\",\"content\":1}]}",
     "messages[0]: content: expected a string or a list of parts"},
    {"parts", "{\"messages\":[{\"role\":\"user\",\"content\":[\"a\"]}]}",
     "messages[0]: content: expected a list of objects"},
    {"max_tokens", "{\"prompt\":\"hi\",\"max_tokens\":1.5}", "max_tokens: expected an integer"},
    {"temperature", "{\"prompt\":\"hi\",\"temperature\":\"1\"}", "temperature: expected a number"},
    {"body", "{\"prompt\":\"hi\",\"body\":[]}", "body: expected an object"},
    {"headers", "{\"prompt\":\"hi\",\"response_headers\":[]}",
     "response_headers: expected an object"},
    {"a header for the API", "{\"prompt\":\"hi\",\"request_id\":\"a\\nb\"}",
     "request_id: expected a string without control characters"},
};

static const struct {
    const char *about, *headers, *lines;
} response_headers[] = {
    {"two", "{\"X-A\":\"1\",\"x-b\":\"\"}", "X-A: 1\r\nx-b: \r\n"},
    {"reserved", "{\"content-TYPE\":\"a\",\"Transfer-Encoding\":\"b\",\"X\":\"c\"}", "X: c\r\n"},
    {"names that are not tokens",
     "{\"\":\"a\",\"a b\":\"b\",\"a:\":\"c\",\"\\u0000\":\"d\",\"\xc3\xa4\":\"e\"}", ""},
    {"a NUL does not hide the rest", "{\"X-A\\u0000: b\":\"c\"}", ""},
    {"line ends", "{\"X\":\"a\\r\\nY: b\",\"Y\":\"\\u007f\",\"Z\":\"\\u0000\"}", ""},
    {"values that are not strings", "{\"X\":1,\"Y\":null,\"Z\":[\"a\"]}", ""},
    {"UTF-8", "{\"X\":\"\\u00e4\"}", "X: \xc3\xa4\r\n"},
};

static void test_requests(void) {
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct job job = {0};
        char *reason;
        payload_read(text_of(requests[i].data), &job, &reason);
        CHECK_TEXT(requests[i].about, buffer_text(&job.body), requests[i].body);
        free(reason);
        job_free(&job);
    }
}

static void test_refusals(void) {
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct job job = {0};
        char *reason;
        bool good = payload_read(text_of(refusals[i].data), &job, &reason);
        CHECK_TEXT(refusals[i].about, good ? TEXT("accepted") : text_of(reason),
                   refusals[i].reason);
        free(reason);
        job_free(&job);
    }
}

static void test_response_headers(void) {
    for (size_t i = 0; i < sizeof response_headers / sizeof *response_headers; i++) {
        struct buffer data = {0};
        buffer_print(&data, "{\"response_headers\":%s}", response_headers[i].headers);
        struct job job = {0};
        char *reason;
        payload_read(buffer_text(&data), &job, &reason); // fails without a prompt, but sets them
        CHECK_TEXT(response_headers[i].about, buffer_text(&job.headers), response_headers[i].lines);
        free(reason);
        job_free(&job);
        buffer_free(&data);
    }
}

static void test_headers_for_the_api(void) {
    struct job job = {0};
    char *reason;
    payload_read(
        TEXT("{\"prompt\":\"hi\",\"test_pattern\":\"abort:5;t=x\",\"request_id\":\" 7 \"}"), &job,
        &reason);
    CHECK_TEXT("test_pattern", buffer_text(&job.pattern), "abort:5;t=x");
    CHECK_TEXT("request_id", buffer_text(&job.id), "7");
    free(reason);
    job_free(&job);
}

int main(void) {
    test_requests();
    test_refusals();
    test_response_headers();
    test_headers_for_the_api();
    return check_summary("payload");
}
