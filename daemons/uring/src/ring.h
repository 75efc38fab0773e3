// The ring: the one place where the daemon waits, and where all its I/O begins and ends.
//
// An operation is a struct op inside the object that it works for. While it is pending, the
// kernel may use that object and every buffer that was given with it: neither may be freed,
// moved or written to. Three rules make this plain everywhere:
//
//   - Reads bring no buffer. The kernel takes one from a pool when there is something to put
//     in it; `done` is lent the bytes, and they are the pool's again when it returns. The few
//     that do bring one (ring_read, ring_receive_into) bring one that is static.
//   - What is being sent lies in a buffer of its own that nobody touches until `done`.
//   - An object that wants to go cancels its operations and is freed by the `done` of the
//     last of them; one without operations is freed by ring_free, after all events at hand.

#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct op {
    // The result is a count or a negated errno. `bytes` is what a read was lent.
    void (*done)(struct op *op, int result, char *bytes);
    bool pending;
    uint64_t name; // by which the kernel knows it
};

enum lending { LEND_READ, LEND_PAYLOAD };

// Sizes of what is lent: a TLS record for reads; for handoffs more than the 212,960 bytes
// that the kernel's default send buffer lets through.
#define READ_SIZE (16u << 10)
#define PAYLOAD_SIZE (256u << 10)

// Sets the ring up; false after telling why the kernel refuses one.
bool ring_open(void);
// Handles events and timers until ring_stop.
void ring_run(void);
void ring_stop(void);
// Monotonic nanoseconds, as of the events at hand.
int64_t ring_now(void);

// `done` is lent what has come. -ENOBUFS, when nothing could be lent just then, is for asking
// again.
void ring_receive(struct op *op, int fd);
void ring_receive_message(struct op *op, int fd, struct msghdr *message);
void ring_read(struct op *op, int fd, void *into, size_t size);
void ring_receive_into(struct op *op, int fd, void *into, size_t size);
void ring_send(struct op *op, int fd, const void *bytes, size_t length);
void ring_connect(struct op *op, int fd, const struct sockaddr *address, socklen_t length);
void ring_poll(struct op *op, int fd, unsigned events);
// Makes the operation end soon; `done` is called all the same.
void ring_cancel(struct op *op);
// Frees memory when all events at hand have been handled.
void ring_free(void *memory);

#endif
