// Timers are a heap of deadlines, with the nearest one on top.
//
// Each event of a stream moves a deadline to a later time, and most deadlines never pass. So moving
// a deadline to a later time is cheap: the heap keeps its old position, and corrects it when the
// old time comes.

#ifndef TIMER_H
#define TIMER_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    void (*passed)(struct timer *t);
    int64_t due;    // monotonic nanoseconds
    int64_t queued; // the time of its heap position; never later than `due`
    size_t place;   // the position in the heap, from 1; 0 when not set
};

#define SECOND ((int64_t)1000000000)
#define MILLISECOND ((int64_t)1000000)

void timer_set(struct timer *t, int64_t due);
void timer_stop(struct timer *t);
// Returns when to call timers_run; negative if no timer is set.
int64_t timers_due(void);
// Calls `passed` of each timer that is due.
void timers_run(int64_t now);

#endif
