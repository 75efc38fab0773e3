// The ring is the daemon's event loop: the one place where the daemon waits, and where all its I/O
// begins and ends.
//
// An operation is a struct op inside the object that it works for. While it is pending, the kernel
// may use that object and every buffer of the operation. The daemon must not free, move or write
// them. Three rules guarantee this everywhere:
//
//   - Reads have no buffer. The kernel takes one from a pool when data arrives. `done` borrows the
//     bytes, and the pool gets them back when it returns. The exceptions (ring_read,
//     ring_receive_into) use static buffers.
//   - Sent data has its own buffer, which the daemon does not touch until `done`.
//   - An object that ends cancels its operations. The `done` of the last operation frees it.
//     ring_free frees an object without operations, after the current batch of events.

#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct op {
    // The result is a count or a negated errno. `bytes` is the borrowed buffer of a read.
    void (*done)(struct op *op, int result, char *bytes);
    bool pending;
    uint64_t id; // the kernel's id of the operation
};

enum pool_number { READ_POOL, PAYLOAD_POOL };

// The sizes of the pools' buffers: a TLS record for reads; for handoffs more than the 212,960 bytes
// that the kernel's default send buffer passes.
#define READ_SIZE (16u << 10)
#define PAYLOAD_SIZE (256u << 10)

// Sets up the ring. Prints an error and returns false if the kernel refuses.
bool ring_open(void);
// Handles events and timers until ring_stop.
void ring_run(void);
void ring_stop(void);
// Returns the monotonic time of the current batch, in nanoseconds.
int64_t ring_now(void);

// `done` borrows the received bytes. The result is -ENOBUFS when the pool was empty; then repeat
// the call.
void ring_receive(struct op *op, int fd);
void ring_receive_message(struct op *op, int fd, struct msghdr *message);
void ring_read(struct op *op, int fd, void *into, size_t size);
void ring_receive_into(struct op *op, int fd, void *into, size_t size);
void ring_send(struct op *op, int fd, const void *bytes, size_t length);
void ring_connect(struct op *op, int fd, const struct sockaddr *address, socklen_t length);
void ring_poll(struct op *op, int fd, unsigned events);
// Cancels the operation. The ring still calls `done`.
void ring_cancel(struct op *op);
// Frees memory after the current batch of events.
void ring_free(void *memory);

#endif
