/* The yardstick: receives, writes and hashes the body of each PUT, and does nothing else.
 *
 *   sink PORT FOLDER [sync]
 *
 * For each connection, one thread receives into two large buffers, and a second one writes and
 * hashes them in pieces that fit the cache. A body that fits one buffer is handled by the first
 * thread alone: passing it on would cost more than it saves.
 * With `sync` a file and its name are fsynced before the answer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 4 << 20, PIECE = 256 << 10, HEAD = 16 << 10 };

static int folder;
static bool closing_sync;

typedef struct {
    int peer, file;
    EVP_MD_CTX *hash;
    char *buffer[2];
    size_t filled[2]; /* bytes waiting to be written */
    bool busy[2], over;
    pthread_mutex_t lock;
    pthread_cond_t turn;
    char head[HEAD];
    size_t have; /* bytes received into `head` */
} connection;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void put(connection *c, const char *data, size_t size)
{
    while (size) {
        size_t piece = size < PIECE ? size : PIECE;
        ssize_t count = write(c->file, data, piece);
        if (count < 0)
            fail("write");
        EVP_DigestUpdate(c->hash, data, (size_t)count);
        data += count;
        size -= (size_t)count;
    }
}

static void *write_on(void *argument)
{
    connection *c = argument;
    for (int i = 0;; i = !i) {
        pthread_mutex_lock(&c->lock);
        while (!c->busy[i] && !c->over)
            pthread_cond_wait(&c->turn, &c->lock);
        bool work = c->busy[i];
        pthread_mutex_unlock(&c->lock);
        if (!work)
            return NULL;
        put(c, c->buffer[i], c->filled[i]);
        pthread_mutex_lock(&c->lock);
        c->busy[i] = false;
        pthread_cond_broadcast(&c->turn);
        pthread_mutex_unlock(&c->lock);
    }
}

/* Fills a buffer, first with the bytes that came with the head; false if the peer has gone. */
static bool fill(connection *c, char *buffer, size_t size)
{
    size_t have = c->have < size ? c->have : size;
    memcpy(buffer, c->head, have);
    memmove(c->head, c->head + have, c->have - have);
    c->have -= have;
    while (have < size) {
        ssize_t count = recv(c->peer, buffer + have, size - have, 0);
        if (count <= 0)
            return false;
        have += (size_t)count;
    }
    return true;
}

static bool take_in_two_threads(connection *c, size_t length)
{
    pthread_t writer;
    bool whole = true;
    c->over = c->busy[0] = c->busy[1] = false;
    if (pthread_create(&writer, NULL, write_on, c))
        fail("pthread_create");
    for (int i = 0; length && whole; i = !i) {
        size_t size = length < BUFFER ? length : BUFFER;
        pthread_mutex_lock(&c->lock);
        while (c->busy[i])
            pthread_cond_wait(&c->turn, &c->lock);
        pthread_mutex_unlock(&c->lock);
        whole = fill(c, c->buffer[i], size);
        pthread_mutex_lock(&c->lock);
        c->filled[i] = size;
        c->busy[i] = whole;
        pthread_cond_broadcast(&c->turn);
        pthread_mutex_unlock(&c->lock);
        length -= size;
    }
    pthread_mutex_lock(&c->lock);
    c->over = true;
    pthread_cond_broadcast(&c->turn);
    pthread_mutex_unlock(&c->lock);
    pthread_join(writer, NULL);
    return whole;
}

static bool take(connection *c, size_t length)
{
    if (length > BUFFER)
        return take_in_two_threads(c, length);
    if (!fill(c, c->buffer[0], length))
        return false;
    put(c, c->buffer[0], length);
    return true;
}

static void answer(connection *c, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    int size = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (send(c->peer, text, (size_t)size, MSG_NOSIGNAL) != size)
        shutdown(c->peer, SHUT_RDWR);
}

static bool store(connection *c, const char *name, size_t length)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned size = 0;
    c->file = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (c->file < 0)
        fail(name);
    EVP_DigestInit_ex(c->hash, EVP_sha1(), NULL);
    bool whole = take(c, length);
    EVP_DigestFinal_ex(c->hash, digest, &size);
    if (closing_sync && (fdatasync(c->file) || fsync(folder)))
        fail("fdatasync");
    close(c->file);
    for (unsigned i = 0; i < size; i++)
        sprintf(hex + 2 * i, "%02x", digest[i]);
    if (whole)
        answer(c, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nETag: \"%s\"\r\n\r\n", hex);
    return whole;
}

/* Receives a request's head; returns its size, or 0 if the peer has gone. */
static size_t receive_head(connection *c)
{
    char *end;
    while (!(end = memmem(c->head, c->have, "\r\n\r\n", 4))) {
        ssize_t count = recv(c->peer, c->head + c->have, HEAD - c->have, 0);
        if (count <= 0)
            return 0;
        c->have += (size_t)count;
    }
    return (size_t)(end - c->head) + 4;
}

static size_t content_length(char *head)
{
    char *field = strcasestr(head, "\r\nContent-Length:");
    return field ? strtoull(field + 17, NULL, 10) : 0;
}

static bool serve_one(connection *c)
{
    char method[8] = "", name[256] = "";
    size_t size = receive_head(c);
    if (!size)
        return false;
    c->head[size - 1] = 0;
    sscanf(c->head, "%7s /%255[^ /]", method, name);
    size_t length = content_length(c->head);
    c->have -= size;
    memmove(c->head, c->head + size, c->have);
    if (!strcmp(method, "PUT"))
        return store(c, name, length);
    answer(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    return true;
}

static void *serve(void *argument)
{
    connection *c = calloc(1, sizeof *c);
    c->peer = (int)(long)argument;
    c->hash = EVP_MD_CTX_new();
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->turn, NULL);
    c->buffer[0] = malloc(BUFFER);
    c->buffer[1] = malloc(BUFFER);
    while (serve_one(c))
        ;
    close(c->peer);
    free(c->buffer[0]);
    free(c->buffer[1]);
    EVP_MD_CTX_free(c->hash);
    free(c);
    return NULL;
}

int main(int count, char **given)
{
    if (count < 3)
        return 2;
    closing_sync = count > 3 && !strcmp(given[3], "sync");
    signal(SIGPIPE, SIG_IGN);
    folder = open(given[2], O_RDONLY | O_DIRECTORY);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(given[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (folder < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024))
        fail("cannot listen");
    for (;;) {
        pthread_t thread;
        int peer = accept(listener, NULL, NULL);
        if (peer < 0)
            fail("accept");
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve, (void *)(long)peer))
            fail("pthread_create");
        pthread_detach(thread);
    }
}
