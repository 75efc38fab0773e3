#include "timer.h"

#include "buffer.h"

#include <stdlib.h>
#include <string.h>

static struct {
    struct timer **at; // at[1] is the nearest deadline
    size_t count, capacity;
} heap;

static void put(struct timer *t, size_t place) {
    heap.at[place] = t;
    t->place = place;
}

static void rise(struct timer *t) {
    size_t place = t->place;
    for (; place > 1 && t->queued < heap.at[place / 2]->queued; place /= 2)
        put(heap.at[place / 2], place);
    put(t, place);
}

static void sink(struct timer *t) {
    size_t place = t->place;
    for (size_t child; (child = 2 * place) <= heap.count; place = child) {
        if (child < heap.count && heap.at[child + 1]->queued < heap.at[child]->queued)
            child++;
        if (t->queued <= heap.at[child]->queued)
            break;
        put(heap.at[child], place);
    }
    put(t, place);
}

void timer_set(struct timer *t, int64_t due) {
    t->due = due;
    if (t->place != 0) {
        if (due < t->queued) {
            t->queued = due;
            rise(t);
        }
        return;
    }
    if (heap.count + 1 >= heap.capacity) {
        size_t capacity = heap.capacity ? 2 * heap.capacity : 64;
        struct timer **more = allocate(capacity * sizeof *more);
        if (heap.at != NULL)
            memcpy(more, heap.at, heap.capacity * sizeof *more);
        free(heap.at);
        heap.at = more;
        heap.capacity = capacity;
    }
    t->queued = due;
    t->place = ++heap.count;
    rise(t);
}

void timer_stop(struct timer *t) {
    if (t->place == 0)
        return;
    struct timer *last = heap.at[heap.count--];
    if (last != t) {
        put(last, t->place);
        rise(last);
        sink(last);
    }
    t->place = 0;
}

int64_t timers_due(void) {
    return heap.count == 0 ? -1 : heap.at[1]->queued;
}

void timers_run(int64_t now) {
    while (heap.count > 0 && heap.at[1]->queued <= now) {
        struct timer *t = heap.at[1];
        if (t->due > now) {
            t->queued = t->due;
            sink(t);
            continue;
        }
        timer_stop(t);
        t->passed(t);
    }
}
