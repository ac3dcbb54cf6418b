/*
 * The statements of one review step, straight through Connector/C: what the review over REST is compared with.
 * Part of the benchmarks. Thread rule: one thread and one connection each; what they share is atomic.
 *
 *   statements --list                       prints the statements, one per line
 *   statements --socket FILE --user NAME --password-file FILE --reviewer HEX --connections N --ids FILE
 *
 * --reviewer is the SHA-256 of the reviewer's certificate, --ids a file with one application id (hex) per line. Prints
 * one line of JSON.
 *
 * The texts are those of business/principal.c, application.c, steps.c, audit.c and store/transaction.c, in this order.
 * To check them again: tests/bench/run reviews one application with MariaDB's general log on and compares what is there
 * with --list.
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
#define COLUMNS_MAX 48
#define VALUES_MAX 24
#define CONNECTIONS_MAX 256

enum { BEGIN, PRINCIPAL, APPLICATION, SUBSCRIBER, MOVE, HISTORY, AUDIT, COMMIT, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "START TRANSACTION READ WRITE",
    [PRINCIPAL] =
        "SELECT p.id AS id, p.kind AS kind, p.name AS name, p.disabled_at AS disabled_at, c.disabled_at AS "
        "credential_disabled_at,"
        " c.sha256 AS sha256, c.not_after AS not_after, c.not_after < UTC_TIMESTAMP(6) AS credential_expired,"
        " o.id AS office_id, o.name AS office_name, o.region AS office_region, a.id AS agency_id, a.name AS "
        "agency_name,"
        " (SELECT GROUP_CONCAT(r.role, ':', r.province_wide SEPARATOR ' ') FROM principal_roles r WHERE r.principal_id "
        "= p.id) AS roles,"
        " (SELECT GROUP_CONCAT(s.scope SEPARATOR ' ') FROM principal_scopes s WHERE s.principal_id = p.id) AS scopes"
        " FROM credentials c JOIN principals p ON p.id = c.principal_id"
        " LEFT JOIN offices o ON o.id = p.office_id LEFT JOIN agencies a ON a.id = p.agency_id"
        " WHERE c.sha256 = ?",
    [APPLICATION] = "SELECT a.id AS id, a.number AS number, a.business AS business, a.kind AS kind, a.cert_usage AS "
                    "cert_usage, a.state AS state,"
                    " a.version AS version, a.subscriber_id AS subscriber_id, a.subject_name AS subject_name, "
                    "a.subject_key AS subject_key,"
                    " a.validity_years AS validity_years, a.note AS note, a.region AS region, a.agency_id AS "
                    "agency_id, g.name AS agency_name,"
                    " a.social_security_no AS social_security_no, a.applicant AS `applicant:json`, a.personal_sealed "
                    "AS `personal_sealed:b64`,"
                    " a.submitted_by AS submitted_by, s.name AS submitted_by_name, s.kind AS submitted_by_kind, "
                    "a.agency_by AS agency_decision_by,"
                    " a.accepted_by AS acceptance_by, a.entered_by AS entry_by, a.reviewed_by AS review_by, "
                    "a.produced_by AS production_by,"
                    " a.handed_by AS handover_by, a.archived_by AS archive_by, a.completed_by AS completion_by, "
                    "a.steps AS `steps:json`,"
                    " a.rejection AS `rejection:json`, a.snapshot AS snapshot, a.snapshot_sha256 AS snapshot_sha256,"
                    " a.operation_id AS operation_id, a.certificate_id AS certificate_id, a.created_at AS created_at, "
                    "a.updated_at AS updated_at,"
                    " UTC_TIMESTAMP(6) AS now"
                    " FROM applications a JOIN agencies g ON g.id = a.agency_id JOIN principals s ON s.id = "
                    "a.submitted_by WHERE a.id = ?",
    [SUBSCRIBER] = "UPDATE subscribers SET name = ?, name_key = ?, organisation_code = ?, region = ?, agency_id = ?,"
                   " verified_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ?",
    [MOVE] =
        "UPDATE applications SET state = ?, version = version + 1, agency_by = ?, accepted_by = ?, entered_by = ?, "
        "reviewed_by = ?,"
        " produced_by = ?, handed_by = ?, archived_by = ?, completed_by = ?, steps = ?, rejection = ?, snapshot = ?,"
        " snapshot_sha256 = UNHEX(?), operation_id = ?, certificate_id = ?, updated_at = ?, closed_at = IF(?, ?, NULL)"
        " WHERE id = ? AND version = ? AND state = ?",
    [HISTORY] = "INSERT INTO application_history (application_id, seq, at, step, outcome, state_before, state_after, "
                "actor_id, actor_name,"
                " actor_kind, reason, guidance, changes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [AUDIT] = "INSERT INTO audit_events (id, at, event, outcome, problem, actor_kind, actor_id, actor_name, "
              "credential_sha256,"
              " host, client_ip, object_type, object_id, detail, trace_id)"
              " VALUES (?, UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [COMMIT] = "COMMIT",
};

/* Columns of the two readings that later statements use. */
enum { WHO_ID = 0, WHO_NAME = 2, WHO_SHA256 = 5 };
enum {
    A_STATE = 5,
    A_VERSION = 6,
    A_SUBSCRIBER = 7,
    A_NAME = 8,
    A_KEY = 9,
    A_REGION = 12,
    A_AGENCY = 13,
    A_APPLICANT = 16,
    A_AGENCY_BY = 21,
    A_ACCEPTED_BY = 22,
    A_ENTERED_BY = 23,
    A_STEPS = 29,
    A_SNAPSHOT = 31,
    A_SNAPSHOT_SHA256 = 32,
    A_NOW = 37
};

typedef struct cells_t {
    MYSQL_BIND binds[COLUMNS_MAX];
    char data[COLUMNS_MAX][CELL_ROOM];
    unsigned long lengths[COLUMNS_MAX];
    my_bool nulls[COLUMNS_MAX];
} cells_t;

typedef struct values_t {
    MYSQL_BIND binds[VALUES_MAX];
    int count;
} values_t;

typedef struct bench_t {
    const char *socket, *user, *ids_file;
    char password[256];
    unsigned char reviewer[32];
    int connections;
    unsigned char (*ids)[ID_BYTES];
    long count;
    atomic_long next, done, audit;
    pthread_barrier_t start;
} bench_t;

typedef struct worker_t {
    bench_t *bench;
    MYSQL *mysql;
    MYSQL_STMT *statements[STATEMENTS];
    cells_t *who, *application;
    values_t values;
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

/* --- values ------------------------------------------------------------------------------------------------------ */

static void add(values_t *values, enum enum_field_types type, const void *data, size_t len)
{
    MYSQL_BIND *bind = &values->binds[values->count++];

    memset(bind, 0, sizeof(*bind));
    bind->buffer_type = data ? type : MYSQL_TYPE_NULL;
    bind->buffer = (void *)data;
    bind->buffer_length = len;
}

static void add_text(values_t *values, const char *text)
{
    add(values, MYSQL_TYPE_STRING, text, text ? strlen(text) : 0);
}

static void add_cell(values_t *values, const cells_t *cells, int column)
{
    add(values, MYSQL_TYPE_STRING, cells->nulls[column] ? NULL : cells->data[column], cells->lengths[column]);
}

static void add_nulls(values_t *values, int count)
{
    while (count-- > 0) {
        add(values, MYSQL_TYPE_NULL, NULL, 0);
    }
}

/* --- running ----------------------------------------------------------------------------------------------------- */

static MYSQL_STMT *run(worker_t *worker, int which)
{
    MYSQL_STMT *statement = worker->statements[which];

    if (mysql_stmt_bind_param(statement, worker->values.binds) || mysql_stmt_execute(statement)) {
        fail(texts[which], mysql_stmt_error(statement));
    }
    worker->values.count = 0;
    return statement;
}

static void run_plain(worker_t *worker, int which)
{
    if (mysql_real_query(worker->mysql, texts[which], strlen(texts[which]))) {
        fail(texts[which], mysql_error(worker->mysql));
    }
}

static void read_row(worker_t *worker, int which, cells_t *cells)
{
    MYSQL_STMT *statement = run(worker, which);

    if (mysql_stmt_store_result(statement) || mysql_stmt_bind_result(statement, cells->binds) ||
        mysql_stmt_fetch(statement)) {
        fail(texts[which], "not exactly one row, or a value that is too long");
    }
    mysql_stmt_free_result(statement);
    for (unsigned i = 0; i < mysql_stmt_field_count(statement); i++) {
        cells->data[i][cells->lengths[i]] = '\0';
    }
}

static void change_one(worker_t *worker, int which)
{
    if (mysql_stmt_affected_rows(run(worker, which)) != 1) {
        fail(texts[which], "not exactly one row was changed");
    }
}

/* --- one review -------------------------------------------------------------------------------------------------- */

static void update_subscriber(worker_t *worker)
{
    const cells_t *application = worker->application;
    const char *code = strstr(application->data[A_APPLICANT], "\"value\":\"");

    add_cell(&worker->values, application, A_NAME);
    add_cell(&worker->values, application, A_KEY);
    add(&worker->values, MYSQL_TYPE_STRING, code ? code + 9 : NULL, 18);
    add_cell(&worker->values, application, A_REGION);
    add_cell(&worker->values, application, A_AGENCY);
    add_cell(&worker->values, application, A_SUBSCRIBER);
    change_one(worker, SUBSCRIBER);
}

/* The records of the steps so far, and the one of this review. */
static void add_steps(char *steps, const worker_t *worker)
{
    const char *former = worker->application->data[A_STEPS];

    int len =
        snprintf(steps, CELL_ROOM,
                 "%.*s,\"review\":{\"decision\":\"approve\",\"snapshot_sha256\":\"%064d\",\"by\":{\"id\":\"%036d\","
                 "\"name\":\"%s\"},\"at\":\"%sZ\"}}",
                 (int)strlen(former) - 1, former, 0, 0, worker->who->data[WHO_NAME], worker->application->data[A_NOW]);

    if (len >= CELL_ROOM) {
        fail("the records of the steps", "too long");
    }
}

static void move(worker_t *worker, const unsigned char *id)
{
    const cells_t *application = worker->application;
    values_t *values = &worker->values;
    char steps[CELL_ROOM], hash[65];
    long long closed = 0;

    add_steps(steps, worker);
    for (int i = 0; i < 32; i++) {
        snprintf(hash + 2 * i, 3, "%02x", (unsigned char)application->data[A_SNAPSHOT_SHA256][i]);
    }
    add_text(values, "awaiting_production");
    add_cell(values, application, A_AGENCY_BY);
    add_cell(values, application, A_ACCEPTED_BY);
    add_cell(values, application, A_ENTERED_BY);
    add_cell(values, worker->who, WHO_ID);
    add_nulls(values, 4);
    add_text(values, steps);
    add_nulls(values, 1);
    add_cell(values, application, A_SNAPSHOT);
    add_text(values, hash);
    add_nulls(values, 2);
    add_cell(values, application, A_NOW);
    add(values, MYSQL_TYPE_LONGLONG, &closed, sizeof(closed));
    add_cell(values, application, A_NOW);
    add(values, MYSQL_TYPE_BLOB, id, ID_BYTES);
    add_cell(values, application, A_VERSION);
    add_cell(values, application, A_STATE);
    change_one(worker, MOVE);
}

static void insert_history(worker_t *worker, const unsigned char *id)
{
    values_t *values = &worker->values;
    long long seq = atoll(worker->application->data[A_VERSION]) + 1;

    add(values, MYSQL_TYPE_BLOB, id, ID_BYTES);
    add(values, MYSQL_TYPE_LONGLONG, &seq, sizeof(seq));
    add_cell(values, worker->application, A_NOW);
    add_text(values, "review");
    add_text(values, "done");
    add_cell(values, worker->application, A_STATE);
    add_text(values, "awaiting_production");
    add_cell(values, worker->who, WHO_ID);
    add_cell(values, worker->who, WHO_NAME);
    add_text(values, "person");
    add_nulls(values, 3);
    change_one(worker, HISTORY);
}

/* As UUIDv7: the key grows with the time. */
static void make_id(unsigned char *id, long number)
{
    unsigned long long now = (unsigned long long)(seconds(CLOCK_REALTIME) * 1000);

    memset(id, 0, ID_BYTES);
    for (int i = 0; i < 6; i++) {
        id[i] = (unsigned char)(now >> (40 - 8 * i));
    }
    id[6] = 0x70;
    id[8] = 0x80;
    memcpy(id + 9, &number, 7);
}

static void insert_audit(worker_t *worker, const unsigned char *id)
{
    values_t *values = &worker->values;
    unsigned char event[ID_BYTES];

    make_id(event, atomic_fetch_add(&worker->bench->audit, 1));
    add(values, MYSQL_TYPE_BLOB, event, ID_BYTES);
    add_text(values, "reviewApplication");
    add_text(values, "done");
    add_nulls(values, 1);
    add_text(values, "person");
    add_cell(values, worker->who, WHO_ID);
    add_cell(values, worker->who, WHO_NAME);
    add_cell(values, worker->who, WHO_SHA256);
    add_text(values, "staff");
    add_text(values, "127.0.0.1");
    add_text(values, "application");
    add(values, MYSQL_TYPE_BLOB, id, ID_BYTES);
    add_nulls(values, 1);
    add_text(values, "0123456789abcdef0123456789abcdef");
    change_one(worker, AUDIT);
}

static void review(worker_t *worker, const unsigned char *id)
{
    run_plain(worker, BEGIN);
    add(&worker->values, MYSQL_TYPE_BLOB, worker->bench->reviewer, sizeof(worker->bench->reviewer));
    read_row(worker, PRINCIPAL, worker->who);
    add(&worker->values, MYSQL_TYPE_BLOB, id, ID_BYTES);
    read_row(worker, APPLICATION, worker->application);
    update_subscriber(worker);
    move(worker, id);
    insert_history(worker, id);
    insert_audit(worker, id);
    run_plain(worker, COMMIT);
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

/* The session as store/connection.c sets it up; in one that only reads, a change cannot be prepared. */
static void open_connection(worker_t *worker)
{
    static const char session[] =
        "SET SESSION autocommit=1, sql_notes=0, time_zone='+00:00', group_concat_max_len=16777216,"
        " sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";

    worker->mysql = mysql_init(NULL);
    mysql_optionsv(worker->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(worker->mysql, NULL, worker->bench->user, worker->bench->password, "ra", 0,
                            worker->bench->socket, CLIENT_FOUND_ROWS) ||
        mysql_query(worker->mysql, session)) {
        fail("connect", mysql_error(worker->mysql));
    }
    for (int i = PRINCIPAL; i < COMMIT; i++) {
        worker->statements[i] = mysql_stmt_init(worker->mysql);
        if (mysql_stmt_prepare(worker->statements[i], texts[i], strlen(texts[i]))) {
            fail(texts[i], mysql_stmt_error(worker->statements[i]));
        }
    }
}

static void *run_connection(void *data)
{
    bench_t *bench = data;
    worker_t worker = {.bench = bench, .who = make_cells(), .application = make_cells()};
    long index;

    open_connection(&worker);
    pthread_barrier_wait(&bench->start); /* all are connected */
    pthread_barrier_wait(&bench->start); /* the clock runs */
    while ((index = atomic_fetch_add(&bench->next, 1)) < bench->count) {
        review(&worker, bench->ids[index]);
        atomic_fetch_add(&bench->done, 1);
    }
    mysql_close(worker.mysql);
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
    double begin = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(&bench->start);
    for (int i = 0; i < bench->connections; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("{\"requests\": %ld, \"errors\": 0, \"seconds\": %.6f, \"cpu\": %.6f}\n", bench->done,
           seconds(CLOCK_MONOTONIC) - begin, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

/* --- arguments --------------------------------------------------------------------------------------------------- */

static void read_hex(unsigned char *bytes, size_t len, const char *hex)
{
    for (size_t i = 0; i < len; i++) {
        if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1) {
            fail(hex, "not hexadecimal");
        }
    }
}

static void read_ids(bench_t *bench)
{
    FILE *file = fopen(bench->ids_file, "r");
    char line[64];

    if (!file) {
        fail(bench->ids_file, "cannot be read");
    }
    for (long room = 0; fgets(line, sizeof(line), file); bench->count++) {
        if (bench->count == room) {
            room = room ? room * 2 : 1024;
            bench->ids = realloc(bench->ids, (size_t)room * ID_BYTES);
        }
        read_hex(bench->ids[bench->count], ID_BYTES, line);
    }
    fclose(file);
}

static void read_password(bench_t *bench, const char *path)
{
    FILE *file = fopen(path, "r");

    if (!file || !fgets(bench->password, sizeof(bench->password), file)) {
        fail(path, "cannot be read");
    }
    bench->password[strcspn(bench->password, "\n")] = '\0';
    fclose(file);
}

static void list(void)
{
    for (int i = 0; i < STATEMENTS; i++) {
        puts(texts[i]);
    }
    exit(0);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"list", 0, NULL, 'l'},     {"socket", 1, NULL, 's'},
                                            {"user", 1, NULL, 'u'},     {"password-file", 1, NULL, 'p'},
                                            {"reviewer", 1, NULL, 'r'}, {"connections", 1, NULL, 'n'},
                                            {"ids", 1, NULL, 'i'},      {NULL, 0, NULL, 0}};
    static bench_t bench = {.connections = 16};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 'l':
            list();
            break;
        case 's':
            bench.socket = optarg;
            break;
        case 'u':
            bench.user = optarg;
            break;
        case 'p':
            read_password(&bench, optarg);
            break;
        case 'r':
            read_hex(bench.reviewer, sizeof(bench.reviewer), optarg);
            break;
        case 'n':
            bench.connections = atoi(optarg);
            break;
        case 'i':
            bench.ids_file = optarg;
            break;
        default:
            return 2;
        }
    }
    if (!bench.socket || !bench.user || !bench.ids_file || bench.connections < 1 ||
        bench.connections > CONNECTIONS_MAX) {
        fail("arguments", "see the first lines of statements.c");
    }
    read_ids(&bench);
    measure(&bench);
    return 0;
}
