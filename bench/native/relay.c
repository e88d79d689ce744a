/* A network with latency: forwards every byte a fixed time after its arrival.
 *
 *   relay PORT TARGET_PORT MILLISECONDS_ONE_WAY
 *
 * For machines without netem. Requests and answers are delayed, but TCP's congestion window is not
 * affected by the delay, because the relay acknowledges each side's data at once.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 128 << 10, MOST = 16 << 20, EVENTS = 64 };

typedef struct block {
    struct block *next;
    long long due; /* nanoseconds */
    size_t size, sent;
    char data[BLOCK];
} block;

/* One direction of a connection. */
typedef struct way {
    int from, to;
    block *first, *last;
    size_t held;
    bool ended;
    struct way *next;
} way;

static way *ways;
static long long delay;

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void take(way *w)
{
    while (!w->ended && w->held < MOST) {
        block *b = malloc(sizeof *b);
        ssize_t count = recv(w->from, b->data, BLOCK, MSG_DONTWAIT);
        if (count <= 0) {
            free(b);
            w->ended = count == 0 || (errno != EAGAIN && errno != EINTR);
            return;
        }
        b->next = NULL;
        b->due = now() + delay;
        b->size = (size_t)count;
        b->sent = 0;
        if (w->first)
            w->last->next = b;
        else
            w->first = b;
        w->last = b;
        w->held += b->size;
    }
}

/* Sends what is due; true if the socket did not take all of it. */
static bool give(way *w)
{
    for (block *b; (b = w->first) && b->due <= now();) {
        ssize_t count = send(w->to, b->data + b->sent, b->size - b->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            return true;
        if (count < 0)
            w->ended = true;
        b->sent += count < 0 ? b->size - b->sent : (size_t)count;
        if (b->sent < b->size)
            return true;
        w->first = b->next;
        w->held -= b->size;
        free(b);
    }
    if (w->ended && !w->first)
        shutdown(w->to, SHUT_WR);
    return false;
}

static void add(int from, int to, int epoll)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int one = 1;
    way *w = calloc(1, sizeof *w);
    w->from = from;
    w->to = to;
    w->next = ways;
    ways = w;
    event.data.ptr = w;
    setsockopt(from, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event);
}

static void join(int listener, int epoll, const struct sockaddr_in *target)
{
    int guest = accept(listener, NULL, NULL);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (guest < 0 || connect(server, (const struct sockaddr *)target, sizeof *target)) {
        perror("relay");
        exit(1);
    }
    add(guest, server, epoll);
    add(server, guest, epoll);
}

/* Moves all bytes that can be moved; returns the milliseconds until the next try. */
static int turn(void)
{
    long long soonest = now() + 1000000000LL;
    for (way *w = ways; w; w = w->next) {
        take(w);
        if (give(w))
            soonest = now() + 500000;
        else if (w->first && w->first->due < soonest)
            soonest = w->first->due;
    }
    long long wait = soonest - now();
    return wait > 0 ? (int)(wait / 1000000) + 1 : 0;
}

int main(int count, char **given)
{
    if (count < 4)
        return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(given[1]))};
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(given[2]))};
    address.sin_addr.s_addr = target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    delay = (long long)(atof(given[3]) * 1e6);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, happened[EVENTS];
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("cannot listen");
        return 1;
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, happened, EVENTS, turn());
        for (int i = 0; i < ready; i++)
            if (!happened[i].data.ptr)
                join(listener, epoll, &target);
    }
}
