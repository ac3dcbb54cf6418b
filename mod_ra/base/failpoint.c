/* Failpoints of test builds: a table in a shared file that the driver of tests/fault arms and reads. Layer: base. Thread rule: see failpoint.h. */
#include "base/failpoint.h"

#ifdef RA_TEST_BUILD

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES 32

/* tests/fault/failpoints.py writes the same numbers. */
typedef enum { DO_NOTHING, DO_KILL, DO_KILL_PARENT, DO_ERROR, DO_STALL, DO_LOSE_ANSWER } action_e;

/* One row of the file: a failpoint, or a planted bug (action not 0: it is there). */
typedef struct row_t {
    char name[NAME_BYTES];
    uint32_t action;
    uint32_t argument; /* error number; milliseconds */
    int32_t left;      /* armed while above 0: acts when it becomes 0 */
    uint32_t hits;
    uint32_t fired;
    uint32_t unused[3];
} row_t;

static const char *const names[] = {
#define RA_FAILPOINT_NAME(name) #name,
    RA_FAILPOINTS(RA_FAILPOINT_NAME) RA_PLANTS(RA_FAILPOINT_NAME)
#undef RA_FAILPOINT_NAME
};
#define ROWS (sizeof(names) / sizeof(names[0]))

static row_t *rows; /* NULL: no file is named, nothing is armed */
static _Thread_local unsigned int pending_error;
static _Thread_local int answer_is_lost;

int ra_failpoint_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    void *memory = MAP_FAILED;
    struct stat info;

    if (fd >= 0 && fstat(fd, &info) == 0 && (info.st_size == sizeof(row_t) * ROWS || ftruncate(fd, sizeof(row_t) * ROWS) == 0)) {
        memory = mmap(NULL, sizeof(row_t) * ROWS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (memory == MAP_FAILED) {
        return 0;
    }
    rows = memory;
    for (size_t i = 0; i < ROWS; i++) {
        strncpy(rows[i].name, names[i], NAME_BYTES - 1);
    }
    return 1;
}

static void stall(uint32_t milliseconds)
{
    struct timespec left = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000L};

    while (nanosleep(&left, &left) != 0) {
    }
}

static void act(const row_t *row)
{
    switch ((action_e)row->action) {
    case DO_KILL:
        kill(getpid(), SIGKILL);
        break;
    case DO_KILL_PARENT:
        kill(getppid(), SIGKILL);
        break;
    case DO_ERROR:
        pending_error = row->argument;
        break;
    case DO_STALL:
        stall(row->argument);
        break;
    case DO_LOSE_ANSWER:
        answer_is_lost = 1;
        break;
    default:
        break;
    }
}

void ra_failpoint(ra_failpoint_e point)
{
    row_t *row = rows ? &rows[point] : NULL;

    if (!row) {
        return;
    }
    __atomic_fetch_add(&row->hits, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&row->left, __ATOMIC_SEQ_CST) > 0 && __atomic_sub_fetch(&row->left, 1, __ATOMIC_SEQ_CST) == 0) {
        __atomic_fetch_add(&row->fired, 1, __ATOMIC_SEQ_CST);
        act(row);
    }
}

int ra_planted(ra_plant_e plant)
{
    row_t *row = rows ? &rows[RA_FAILPOINT_COUNT + plant] : NULL;

    if (!row || !__atomic_load_n(&row->action, __ATOMIC_SEQ_CST)) {
        return 0;
    }
    __atomic_fetch_add(&row->hits, 1, __ATOMIC_SEQ_CST);
    return 1;
}

unsigned int ra_failpoint_error(void)
{
    unsigned int error = pending_error;

    pending_error = 0;
    return error;
}

int ra_failpoint_answer_is_lost(void)
{
    int lost = answer_is_lost;

    answer_is_lost = 0;
    return lost;
}

#endif
