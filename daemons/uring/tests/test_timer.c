// Tests of timers: deadlines pass in order, also after moves.

#include "check.h"
#include "timer.h"

#include <stdlib.h>

static struct buffer passed;

struct named {
    struct timer timer;
    char name;
};

static void note(struct timer *t) {
    buffer_add(&passed, &CONTAINER(t, struct named, timer)->name, 1);
}

static void expect(const char *about, const char *names) {
    CHECK_TEXT(about, buffer_text(&passed), names);
    buffer_free(&passed);
}

static void test_moves(void) {
    struct named a = {{.passed = note}, 'a'}, b = {{.passed = note}, 'b'},
                 c = {{.passed = note}, 'c'};
    timer_set(&a.timer, 10);
    timer_set(&b.timer, 20);
    timer_set(&c.timer, 30);
    timer_set(&a.timer, 40); // to a later time: corrected when the old time comes
    timer_set(&c.timer, 5);  // to an earlier time: corrected at once
    timers_run(15);
    expect("the earlier one", "c");
    timers_run(39);
    expect("the one that was not moved", "b");
    timer_stop(&a.timer);
    timer_stop(&a.timer);
    timers_run(100);
    expect("stopped", "");
    CHECK_TEXT("no timer is set", text_of(timers_due() < 0 ? "none" : "some"), "none");
}

// Compares with a linear search.
static void test_many(void) {
    enum { COUNT = 500 };
    static struct named timers[COUNT];
    srand(1);
    for (int i = 0; i < COUNT; i++) {
        timers[i] = (struct named){{.passed = note}, '.'};
        timer_set(&timers[i].timer, rand() % 1000);
    }
    for (int i = 0; i < 4 * COUNT; i++) {
        struct timer *t = &timers[rand() % COUNT].timer;
        if (rand() % 4 == 0)
            timer_stop(t);
        else
            timer_set(t, rand() % 1000);
    }
    for (int now = 0; now < 1000; now += 10) {
        size_t due = 0;
        for (int i = 0; i < COUNT; i++)
            due += timers[i].timer.place != 0 && timers[i].timer.due <= now;
        timers_run(now);
        struct buffer expected = {0};
        buffer_print(&expected, "%zu", due);
        buffer_add(&expected, "", 1);
        struct buffer actual = {0};
        buffer_print(&actual, "%zu", passed.length);
        CHECK_TEXT("as many as are due", buffer_text(&actual), expected.bytes);
        buffer_free(&passed);
        buffer_free(&expected);
        buffer_free(&actual);
    }
}

int main(void) {
    test_moves();
    test_many();
    return check_summary("timer");
}
