/*
 * A recorded transaction again and again, straight through Connector/C: what a step over REST is compared with.
 * Part of the benchmarks. Thread rule: one thread and one connection each; what they share is atomic.
 *
 *   statements --socket FILE --user NAME --password-file FILE --transaction FILE --ids FILE --connections N
 *
 * --ids: one id (hex) per line, each for one transaction. --transaction: its statements, one per line, and behind each,
 * separated by tabs, where the values of its placeholders come from; tests/bench/run makes it from the log of MariaDB,
 * so it is what the server really does: null | text=… | hex=… (bytes) | id | new-id | cell=S.C (of the row that
 * statement S read) | cell-hex=S.C | next=S.C (a number, and one) | more=S.C …  (a JSON object with a member more)
 * Statements without placeholders go as text, the others are prepared once per connection.
 * Prints "ready" when all is prepared, begins at a line on standard input, and prints one line of JSON.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mysql.h>

#define ID_BYTES 16
#define CELL_ROOM 8192
#define COLUMNS_MAX 64
#define VALUES_MAX 48
#define STATEMENTS_MAX 24
#define CONNECTIONS_MAX 256

typedef enum { NOTHING, TEXT, BYTES, ID, NEW_ID, CELL, CELL_HEX, NEXT, MORE } source_e;

typedef struct source_t {
    source_e kind;
    int statement, column;
    const char *text;
    size_t len;
} source_t;

typedef struct template_t {
    const char *sql;
    source_t sources[VALUES_MAX];
    int count;
} template_t;

/* One row that a statement read. */
typedef struct cells_t {
    MYSQL_BIND binds[COLUMNS_MAX];
    char data[COLUMNS_MAX][CELL_ROOM];
    unsigned long lengths[COLUMNS_MAX];
    my_bool nulls[COLUMNS_MAX];
} cells_t;

typedef struct bench_t {
    const char *socket, *user;
    char password[256];
    int connections;
    template_t statements[STATEMENTS_MAX];
    int statement_count;
    unsigned char (*ids)[ID_BYTES];
    long count;
    atomic_long next, done, made;
    pthread_barrier_t start;
} bench_t;

typedef struct worker_t {
    bench_t *bench;
    MYSQL *mysql;
    MYSQL_STMT *handles[STATEMENTS_MAX];
    cells_t *rows[STATEMENTS_MAX];
    MYSQL_BIND binds[VALUES_MAX];
    char values[VALUES_MAX][CELL_ROOM]; /* those that are made */
} worker_t;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "statements: %s: %s\n", what, why);
    exit(2);
}

static double seconds(clockid_t id)
{
    struct timespec at;
    clock_gettime(id, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void read_hex(unsigned char *bytes, size_t len, const char *hex)
{
    for (size_t i = 0; i < len; i++) {
        if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1) {
            fail(hex, "not hexadecimal");
        }
    }
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;

    if (!file || getdelim(&text, &room, '\0', file) < 0) {
        fail(path, "cannot be read");
    }
    fclose(file);
    return text;
}

static void read_cell_source(source_t *source, source_e kind, const char *text)
{
    int used = 0;

    source->kind = kind;
    if (sscanf(text, "%d.%d%n", &source->statement, &source->column, &used) < 2 || source->statement < 0 ||
        source->statement >= STATEMENTS_MAX || source->column < 0 || source->column >= COLUMNS_MAX) {
        fail(text, "not <statement>.<column>");
    }
    source->text = text + used + (text[used] == ' ');
}

static void read_source(source_t *source, char *word)
{
    static const struct {
        const char *name;
        source_e kind;
    } cells[] = {{"cell=", CELL}, {"cell-hex=", CELL_HEX}, {"next=", NEXT}, {"more=", MORE}};

    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        if (strncmp(word, cells[i].name, strlen(cells[i].name)) == 0) {
            read_cell_source(source, cells[i].kind, word + strlen(cells[i].name));
            return;
        }
    }
    if (strncmp(word, "text=", 5) == 0) {
        *source = (source_t){TEXT, 0, 0, word + 5, strlen(word + 5)};
    } else if (strncmp(word, "hex=", 4) == 0) {
        *source = (source_t){BYTES, 0, 0, word + 4, strlen(word + 4) / 2};
        read_hex((unsigned char *)word + 4, source->len, word + 4); /* in its own place: it only shrinks */
    } else {
        source->kind = strcmp(word, "id") == 0 ? ID : strcmp(word, "new-id") == 0 ? NEW_ID : NOTHING;
    }
}

static void read_transaction(bench_t *bench, const char *path)
{
    char *line_state, *word_state;

    for (char *line = strtok_r(read_file(path), "\n", &line_state); line; line = strtok_r(NULL, "\n", &line_state)) {
        template_t *statement = &bench->statements[bench->statement_count++];

        if (bench->statement_count > STATEMENTS_MAX) {
            fail(path, "too many statements");
        }
        statement->sql = strtok_r(line, "\t", &word_state);
        for (char *word; (word = strtok_r(NULL, "\t", &word_state));) {
            if (statement->count == VALUES_MAX) {
                fail(statement->sql, "too many values");
            }
            read_source(&statement->sources[statement->count++], word);
        }
    }
}

static void read_ids(bench_t *bench, const char *path)
{
    char *state;
    long room = 0;

    for (char *line = strtok_r(read_file(path), "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        if (bench->count == room) {
            room = room ? room * 2 : 1024;
            bench->ids = realloc(bench->ids, (size_t)room * ID_BYTES);
        }
        read_hex(bench->ids[bench->count++], ID_BYTES, line);
    }
}

static void read_password(bench_t *bench, const char *path)
{
    snprintf(bench->password, sizeof(bench->password), "%s", read_file(path));
    bench->password[strcspn(bench->password, "\n")] = '\0';
}

/* --- one transaction --------------------------------------------------------------------------------------------- */

/* As UUIDv7: the key grows with the time. */
static void make_id(char *id, long number)
{
    unsigned long long now = (unsigned long long)(seconds(CLOCK_REALTIME) * 1000);

    memset(id, 0, ID_BYTES);
    for (int i = 0; i < 6; i++) {
        id[i] = (char)(now >> (40 - 8 * i));
    }
    id[6] = 0x70;
    id[8] = (char)0x80;
    memcpy(id + 9, &number, 7);
}

/* A value that is made of a cell. @return its length */
static size_t make_value(char *value, const source_t *source, const char *cell, size_t len)
{
    int made = 0;

    if (source->kind == NEXT) {
        made = snprintf(value, CELL_ROOM, "%lld", atoll(cell) + 1);
    } else if (source->kind == MORE) {
        made = snprintf(value, CELL_ROOM, "%.*s,%s}", len ? (int)len - 1 : 0, cell, source->text);
    } else {
        for (size_t i = 0; i < len && 2 * i + 2 < CELL_ROOM; i++) {
            made += snprintf(value + 2 * i, 3, "%02x", (unsigned char)cell[i]);
        }
    }
    if (made >= CELL_ROOM) {
        fail(source->text, "a value is too long");
    }
    return (size_t)made;
}

static void bind_bytes(MYSQL_BIND *bind, const void *data, size_t len, enum enum_field_types type)
{
    bind->buffer_type = type;
    bind->buffer = (void *)data;
    bind->buffer_length = len;
}

static void bind_value(worker_t *worker, int index, const source_t *source, const unsigned char *id)
{
    MYSQL_BIND *bind = &worker->binds[index];
    char *made = worker->values[index];
    const cells_t *row = worker->rows[source->statement];
    int column = source->column;

    memset(bind, 0, sizeof(*bind));
    bind->buffer_type = MYSQL_TYPE_NULL;
    if (source->kind == TEXT) {
        bind_bytes(bind, source->text, source->len, MYSQL_TYPE_STRING);
    } else if (source->kind == BYTES) {
        bind_bytes(bind, source->text, source->len, MYSQL_TYPE_BLOB);
    } else if (source->kind == ID) {
        bind_bytes(bind, id, ID_BYTES, MYSQL_TYPE_BLOB);
    } else if (source->kind == NEW_ID) {
        make_id(made, atomic_fetch_add(&worker->bench->made, 1));
        bind_bytes(bind, made, ID_BYTES, MYSQL_TYPE_BLOB);
    } else if (source->kind == CELL && !row->nulls[column]) {
        bind_bytes(bind, row->data[column], row->lengths[column], MYSQL_TYPE_STRING);
    } else if (source->kind >= CELL_HEX && !row->nulls[column]) {
        bind_bytes(bind, made, make_value(made, source, row->data[column], row->lengths[column]), MYSQL_TYPE_STRING);
    }
}

static void fetch_row(MYSQL_STMT *handle, cells_t *row, const char *sql)
{
    int rc =
        mysql_stmt_store_result(handle) || mysql_stmt_bind_result(handle, row->binds) ? 1 : mysql_stmt_fetch(handle);

    if (rc != 0 && rc != MYSQL_NO_DATA) {
        fail(sql, "a row could not be read");
    }
    for (unsigned i = 0; rc == 0 && i < mysql_stmt_field_count(handle); i++) {
        row->data[i][row->lengths[i]] = '\0';
    }
    mysql_stmt_free_result(handle);
}

static void run_statement(worker_t *worker, int index, const unsigned char *id)
{
    const template_t *statement = &worker->bench->statements[index];
    MYSQL_STMT *handle = worker->handles[index];

    if (!handle) {
        if (mysql_real_query(worker->mysql, statement->sql, strlen(statement->sql))) {
            fail(statement->sql, mysql_error(worker->mysql));
        }
        return;
    }
    for (int i = 0; i < statement->count; i++) {
        bind_value(worker, i, &statement->sources[i], id);
    }
    if (mysql_stmt_bind_param(handle, worker->binds) || mysql_stmt_execute(handle)) {
        fail(statement->sql, mysql_stmt_error(handle));
    }
    if (worker->rows[index]) {
        fetch_row(handle, worker->rows[index], statement->sql);
    }
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static cells_t *make_cells(void)
{
    cells_t *cells = calloc(1, sizeof(*cells));

    for (int i = 0; i < COLUMNS_MAX; i++) {
        cells->binds[i].buffer_type = MYSQL_TYPE_STRING;
        cells->binds[i].buffer = cells->data[i];
        cells->binds[i].buffer_length = CELL_ROOM - 1;
        cells->binds[i].length = &cells->lengths[i];
        cells->binds[i].is_null = &cells->nulls[i];
    }
    return cells;
}

static void prepare(worker_t *worker, int index)
{
    const template_t *statement = &worker->bench->statements[index];
    MYSQL_STMT *handle = worker->handles[index] = mysql_stmt_init(worker->mysql);

    if (mysql_stmt_prepare(handle, statement->sql, strlen(statement->sql))) {
        fail(statement->sql, mysql_stmt_error(handle));
    }
    if (mysql_stmt_param_count(handle) != (unsigned long)statement->count ||
        mysql_stmt_field_count(handle) > COLUMNS_MAX) {
        fail(statement->sql, "other values or columns than expected");
    }
    if (mysql_stmt_field_count(handle)) {
        worker->rows[index] = make_cells();
    }
}

/* The session as store/connection.c sets it up; in one that only reads, a change cannot be prepared. */
static void open_connection(worker_t *worker)
{
    static const char session[] =
        "SET SESSION autocommit=1, sql_notes=0, time_zone='+00:00', group_concat_max_len=16777216,"
        " sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
        "NO_ENGINE_SUBSTITUTION'";
    const bench_t *bench = worker->bench;

    worker->mysql = mysql_init(NULL);
    mysql_optionsv(worker->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(worker->mysql, NULL, bench->user, bench->password, "ra", 0, bench->socket,
                            CLIENT_FOUND_ROWS) ||
        mysql_query(worker->mysql, session)) {
        fail("connect", mysql_error(worker->mysql));
    }
    for (int i = 0; i < bench->statement_count; i++) {
        if (bench->statements[i].count > 0) {
            prepare(worker, i);
        }
    }
}

static void *run_connection(void *data)
{
    bench_t *bench = data;
    worker_t *worker = calloc(1, sizeof(*worker));
    long index;

    worker->bench = bench;
    open_connection(worker);
    pthread_barrier_wait(&bench->start); /* all are connected */
    pthread_barrier_wait(&bench->start); /* the clock runs */
    while ((index = atomic_fetch_add(&bench->next, 1)) < bench->count) {
        for (int i = 0; i < bench->statement_count; i++) {
            run_statement(worker, i, bench->ids[index]);
        }
        atomic_fetch_add(&bench->done, 1);
    }
    mysql_close(worker->mysql);
    return NULL;
}

static void measure(bench_t *bench)
{
    pthread_t threads[CONNECTIONS_MAX];

    pthread_barrier_init(&bench->start, NULL, (unsigned)bench->connections + 1);
    for (int i = 0; i < bench->connections; i++) {
        pthread_create(&threads[i], NULL, run_connection, bench);
    }
    pthread_barrier_wait(&bench->start);
    puts("ready"); /* the caller looks at clocks before it sends a line */
    fflush(stdout);
    getchar();
    double begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(&bench->start);
    for (int i = 0; i < bench->connections; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("{\"requests\": %ld, \"errors\": 0, \"seconds\": %.6f, \"cpu\": %.6f}\n", bench->done,
           seconds(CLOCK_MONOTONIC) - begin, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", 1, NULL, 's'},
                                            {"user", 1, NULL, 'u'},
                                            {"password-file", 1, NULL, 'p'},
                                            {"transaction", 1, NULL, 't'},
                                            {"ids", 1, NULL, 'i'},
                                            {"connections", 1, NULL, 'n'},
                                            {NULL, 0, NULL, 0}};
    static bench_t bench = {.connections = 16};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 's':
            bench.socket = optarg;
            break;
        case 'u':
            bench.user = optarg;
            break;
        case 'p':
            read_password(&bench, optarg);
            break;
        case 't':
            read_transaction(&bench, optarg);
            break;
        case 'i':
            read_ids(&bench, optarg);
            break;
        case 'n':
            bench.connections = atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (!bench.socket || !bench.user || !bench.statement_count || !bench.count || bench.connections < 1 ||
        bench.connections > CONNECTIONS_MAX) {
        fail("arguments", "see the first lines of statements.c");
    }
    measure(&bench);
    return 0;
}
