// Deadlines: a heap of those that are set, the nearest on top.
//
// Most are moved on with every event of a stream and never pass. So setting one later than it
// stands costs nothing: it stays where it is, and is put in its place when its old time comes.

#ifndef TIMER_H
#define TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    void (*passed)(struct timer *t);
    int64_t due;    // monotonic nanoseconds
    int64_t queued; // by which it stands in the heap; never later than `due`
    size_t place;   // in the heap, from 1; 0 when not set
};

#define SECOND ((int64_t)1000000000)
#define MILLISECOND ((int64_t)1000000)

void timer_set(struct timer *t, int64_t due);
void timer_stop(struct timer *t);
// When the first timer has to be looked at; negative when none is set.
int64_t timers_due(void);
void timers_run(int64_t now);

#endif
