#include "ring.h"

#include "buffer.h"
#include "timer.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

// The daemon submits operations after each batch of events, or when SUBMISSIONS are queued. A batch
// may have many more completions: each stream can have two.
enum { SUBMISSIONS = 512, COMPLETIONS = 8192, BATCH = 1024 };

// The number of buffers in each pool, which must be a power of two. A read that finds its pool
// empty is repeated after the batch, when all buffers are free again.
enum { READS = 64, PAYLOADS = 8 };

// A pool of buffers that the kernel shares.
struct buffer_pool {
    struct io_uring_buf_ring *ring;
    char *memory;
    size_t size;
    unsigned count;
};

static struct io_uring ring;
static struct buffer_pool pools[2];
static bool running;
static int64_t now;

static struct {
    void **memory;
    size_t count, capacity;
} unused_memory; // freed after the current batch

static void give_back(struct buffer_pool *p, unsigned number) {
    io_uring_buf_ring_add(p->ring, p->memory + number * p->size, (unsigned)p->size,
                          (unsigned short)number, io_uring_buf_ring_mask(p->count), 0);
    io_uring_buf_ring_advance(p->ring, 1);
}

static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("streaming-daemon: mmap");
        exit(1);
    }
    return memory;
}

static int register_pool(enum pool_number number, size_t size, unsigned count) {
    struct buffer_pool *p = &pools[number];
    *p = (struct buffer_pool){.size = size, .count = count};
    p->ring = map(count * sizeof(struct io_uring_buf));
    p->memory = map(count * size);
    io_uring_buf_ring_init(p->ring);
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)p->ring, .ring_entries = count, .bgid = (__u16)number};
    int error = io_uring_register_buf_ring(&ring, &registration, 0);
    for (unsigned i = 0; error == 0 && i < count; i++)
        give_back(p, i);
    return error;
}

static void update_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool ring_open(void) {
    // With DEFER_TASKRUN the kernel does not interrupt the thread. It makes completions while the
    // thread waits.
    struct io_uring_params parameters = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SINGLE_ISSUER |
                                                  IORING_SETUP_DEFER_TASKRUN,
                                         .cq_entries = COMPLETIONS};
    int error = io_uring_queue_init_params(SUBMISSIONS, &ring, &parameters);
    if (error == -EINVAL) { // a kernel before 6.1
        parameters =
            (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS};
        error = io_uring_queue_init_params(SUBMISSIONS, &ring, &parameters);
    }
    if (error < 0) {
        fprintf(
            stderr,
            "streaming-daemon: the kernel refuses io_uring (io_uring_setup: %s): use Linux 5.19 "
            "or newer with kernel.io_uring_disabled=0, and in a container a seccomp profile "
            "that allows it\n",
            strerror(-error));
        return false;
    }
    error = register_pool(READ_POOL, READ_SIZE, READS);
    if (error == 0)
        error = register_pool(PAYLOAD_POOL, PAYLOAD_SIZE, PAYLOADS);
    if (error < 0) {
        fprintf(stderr,
                "streaming-daemon: the kernel's io_uring does not support buffer rings "
                "(IORING_REGISTER_PBUF_RING: %s): use Linux 5.19 or newer\n",
                strerror(-error));
        return false;
    }
    update_now();
    return true;
}

int64_t ring_now(void) {
    return now;
}

void ring_stop(void) {
    running = false;
}

static void free_unused(void) {
    for (size_t i = 0; i < unused_memory.count; i++)
        free(unused_memory.memory[i]);
    unused_memory.count = 0;
}

void ring_free(void *memory) {
    if (unused_memory.count == unused_memory.capacity) {
        unused_memory.capacity = unused_memory.capacity ? 2 * unused_memory.capacity : 64;
        void **more = allocate(unused_memory.capacity * sizeof *more);
        if (unused_memory.count > 0)
            memcpy(more, unused_memory.memory, unused_memory.count * sizeof *more);
        free(unused_memory.memory);
        unused_memory.memory = more;
    }
    unused_memory.memory[unused_memory.count++] = memory;
}

// An operation's id is its address. The lowest bit is the number of its pool.
static void complete(uint64_t data, int result, unsigned flags) {
    struct op *op = (struct op *)(uintptr_t)(data & ~(uint64_t)1);
    if (op == NULL)
        return; // the completion of a cancellation
    op->pending = false;
    if (!(flags & IORING_CQE_F_BUFFER)) {
        op->done(op, result, NULL);
        return;
    }
    struct buffer_pool *p = &pools[data & 1];
    unsigned number = flags >> IORING_CQE_BUFFER_SHIFT;
    op->done(op, result, p->memory + number * p->size);
    give_back(p, number);
}

// Ends the process unless a retry of the call may succeed.
static void check_transient(int error) {
    if (error == -EINTR || error == -EAGAIN || error == -EBUSY)
        return;
    fprintf(stderr, "streaming-daemon: io_uring_enter: %s\n", strerror(-error));
    abort();
}

static void wait_for_events(void) {
    int64_t due = timers_due();
    struct __kernel_timespec *timeout = NULL, time;
    if (due >= 0) {
        int64_t left = due > now ? due - now : 0;
        time = (struct __kernel_timespec){left / 1000000000, left % 1000000000};
        timeout = &time;
    }
    struct io_uring_cqe *first;
    int error = io_uring_submit_and_wait_timeout(&ring, &first, 1, timeout, NULL);
    if (error < 0 && error != -ETIME)
        check_transient(error);
}

void ring_run(void) {
    running = true;
    while (running) {
        wait_for_events();
        update_now();
        struct io_uring_cqe *event;
        for (int i = 0; i < BATCH && io_uring_peek_cqe(&ring, &event) == 0; i++) {
            uint64_t data = event->user_data;
            int result = event->res;
            unsigned flags = event->flags;
            io_uring_cqe_seen(&ring, event);
            complete(data, result, flags);
        }
        timers_run(now);
        free_unused();
    }
}

static struct io_uring_sqe *submission(struct op *op) {
    struct io_uring_sqe *s = io_uring_get_sqe(&ring);
    while (s == NULL) {
        int error = io_uring_submit(&ring);
        if (error < 0)
            check_transient(error);
        s = io_uring_get_sqe(&ring);
    }
    if (op != NULL)
        op->pending = true;
    return s;
}

static void submit(struct io_uring_sqe *s, struct op *op) {
    op->id = (uintptr_t)op;
    io_uring_sqe_set_data64(s, op->id);
}

static void submit_pooled(struct io_uring_sqe *s, struct op *op, enum pool_number number) {
    s->flags |= IOSQE_BUFFER_SELECT;
    s->buf_group = (__u16)number;
    op->id = (uintptr_t)op | (unsigned)number;
    io_uring_sqe_set_data64(s, op->id);
}

void ring_receive(struct op *op, int fd) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_recv(s, fd, NULL, READ_SIZE, 0);
    submit_pooled(s, op, READ_POOL);
}

void ring_receive_message(struct op *op, int fd, struct msghdr *message) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_recvmsg(s, fd, message, MSG_CMSG_CLOEXEC);
    submit_pooled(s, op, PAYLOAD_POOL);
}

void ring_read(struct op *op, int fd, void *into, size_t size) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_read(s, fd, into, (unsigned)size, 0);
    submit(s, op);
}

void ring_receive_into(struct op *op, int fd, void *into, size_t size) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_recv(s, fd, into, size, 0);
    submit(s, op);
}

void ring_send(struct op *op, int fd, const void *bytes, size_t length) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_send(s, fd, bytes, length, MSG_NOSIGNAL);
    submit(s, op);
}

void ring_connect(struct op *op, int fd, const struct sockaddr *address, socklen_t length) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_connect(s, fd, address, length);
    submit(s, op);
}

void ring_poll(struct op *op, int fd, unsigned events) {
    struct io_uring_sqe *s = submission(op);
    io_uring_prep_poll_add(s, fd, events);
    submit(s, op);
}

void ring_cancel(struct op *op) {
    if (!op->pending)
        return;
    struct io_uring_sqe *s = submission(NULL);
    io_uring_prep_cancel64(s, op->id, 0);
    io_uring_sqe_set_data64(s, 0);
}
