/* The append-only ledger. Thread rule: the caller holds the service lock. Other processes of the same CA are kept out
 * by flock. */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ledger_t {
    int fd;
    off_t known; /* bytes already applied */
    long long seq;
    int dirty;
    ledger_apply_t apply;
    void *baton;
};

/* Reads exactly @a len bytes at @a from; NULL on failure. */
static char *read_range(int fd, off_t from, size_t len)
{
    char *text = malloc(len + 1);
    size_t got = 0;

    while (text != NULL && got < len) {
        ssize_t n = pread(fd, text + got, len - got, from + (off_t)got);
        if (n <= 0) {
            free(text);
            return NULL;
        }
        got += (size_t)n;
    }
    if (text != NULL) {
        text[len] = '\0';
    }
    return text;
}

/* Applies the whole lines of @a text; returns the bytes they take. */
static size_t apply_lines(ledger_t *ledger, char *text)
{
    char *line = text;
    char *end;

    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        ledger->apply(ledger->baton, line);
        ledger->seq++;
        line = end + 1;
    }
    return (size_t)(line - text);
}

/* With the file lock held: applies what is new; a torn last line is nobody's any more and is cut off. */
static int catch_up(ledger_t *ledger)
{
    struct stat info;
    char *text;

    if (fstat(ledger->fd, &info) != 0) {
        return 0;
    }
    if (info.st_size == ledger->known) {
        return 1;
    }
    if (info.st_size < ledger->known ||
        (text = read_range(ledger->fd, ledger->known, (size_t)(info.st_size - ledger->known))) == NULL) {
        return 0;
    }
    ledger->known += (off_t)apply_lines(ledger, text);
    free(text);
    return ledger->known == info.st_size || ftruncate(ledger->fd, ledger->known) == 0;
}

int ledger_refresh(ledger_t *ledger)
{
    int ok;

    if (flock(ledger->fd, LOCK_EX) != 0) {
        return 0;
    }
    ok = catch_up(ledger);
    flock(ledger->fd, LOCK_UN);
    return ok;
}

ledger_t *ledger_open(const char *dir, ledger_apply_t apply, void *baton)
{
    char path[4096];
    ledger_t *ledger = calloc(1, sizeof(*ledger));

    if (ledger == NULL) {
        return NULL;
    }
    snprintf(path, sizeof(path), "%s/ledger.jsonl", dir);
    ledger->apply = apply;
    ledger->baton = baton;
    ledger->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (ledger->fd < 0 || !ledger_refresh(ledger)) {
        fprintf(stderr, "devca: %s: %s\n", path, strerror(errno));
        ledger_close(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_close(ledger_t *ledger)
{
    if (ledger != NULL) {
        if (ledger->fd >= 0) {
            close(ledger->fd);
        }
        free(ledger);
    }
}

void ledger_line(json_out_t *line, const char *kind)
{
    struct timespec now;
    struct tm utc;
    char at[64];
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(at + len, sizeof(at) - len, ".%06ldZ", now.tv_nsec / 1000);
    json_start(line);
    json_add_text(line, "at", at);
    json_add_text(line, "kind", kind);
}

int ledger_append(ledger_t *ledger, json_out_t *line)
{
    int ok = 0;

    if (flock(ledger->fd, LOCK_EX) == 0) {
        if (catch_up(ledger)) {
            json_add_int(line, "seq", ledger->seq + 1);
            json_end(line);
            line->text[line->len] = '\n'; /* in place of the final NUL */
            ok = write(ledger->fd, line->text, line->len + 1) == (ssize_t)line->len + 1 && catch_up(ledger);
            ledger->dirty = 1;
        }
        flock(ledger->fd, LOCK_UN);
    }
    if (!ok) {
        fprintf(stderr, "devca: the ledger cannot be written: %s\n", strerror(errno));
    }
    json_free(line);
    return ok;
}

int ledger_sync(ledger_t *ledger)
{
    if (ledger->dirty && fdatasync(ledger->fd) != 0) {
        return 0;
    }
    ledger->dirty = 0;
    return 1;
}
