/* See export.h. Layer: tools. Thread rule: one thread. */
#include "tools/export.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/evidence.h"
#include "base/ident.h"
#include "business/evidence/evidence.h"

#define PAGE_ROWS 1000
#define FAILED 2

typedef struct export_t {
    const ra_export_options_t *options;
    ra_store_t *store;
    apr_pool_t *pool;
    FILE *out;
    apr_int64_t newest; /* batch at the beginning: what is sealed meanwhile is the next export's */
    apr_int64_t batches;
    apr_int64_t events;
    apr_int64_t unsealed;
} export_t;

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ra-audit: %s: %s\n", what, why);
    return FAILED;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static FILE *open_file(const char *path, apr_pool_t *pool)
{
    int handle = open(apr_pstrcat(pool, path, ".new", NULL), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = handle >= 0 ? fdopen(handle, "w") : NULL;

    if (!file) {
        fail(path, strerror(errno));
    }
    return file;
}

static int close_file(FILE *file, const char *path, int is_good, apr_pool_t *pool)
{
    const char *made = apr_pstrcat(pool, path, ".new", NULL);
    int written = is_good && fflush(file) == 0 && fsync(fileno(file)) == 0 && !ferror(file);

    written = fclose(file) == 0 && written;
    if (written && rename(made, path) == 0) {
        return 0;
    }
    if (is_good) {
        fail(path, strerror(errno));
    }
    unlink(made);
    return FAILED;
}

/* {"kind":"…",…the object's members} */
static void put(FILE *out, const char *kind, const ra_json_t *object, apr_pool_t *pool)
{
    fprintf(out, "{\"kind\":\"%s\",%s\n", kind, ra_json_print(object, pool) + 1);
}

/* --- one transaction for each piece ------------------------------------------------------------------------------ */

/* What is read next; the rows outlive the transaction as text. */
typedef struct piece_t {
    export_t *export;
    apr_int64_t after;    /* batch */
    const char *after_id; /* event; in the export's pool */
    apr_array_header_t *lines; /* of const char *, in the piece's pool */
    apr_pool_t *pool;
    apr_int64_t number;   /* out: of the batch */
    int rows;             /* out */
} piece_t;

static void add_line(piece_t *piece, const char *kind, const ra_json_t *object)
{
    APR_ARRAY_PUSH(piece->lines, const char *) = apr_pstrcat(piece->pool, "{\"kind\":\"", kind, "\",", ra_json_print(object, piece->pool) + 1, "\n", NULL);
}

static void add_rows(piece_t *piece, const char *kind, const ra_json_t *rows, const char *id_pointer)
{
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        add_line(piece, kind, row);
        piece->rows++;
        if (!ra_json_next(row)) {
            piece->after_id = apr_pstrdup(piece->export->pool, ra_json_string(ra_json_pointer(row, id_pointer)));
        }
    }
}

static apr_status_t batch_body(ra_tx_t *tx, void *baton)
{
    piece_t *piece = baton;
    ra_json_t *batch, *members;
    apr_status_t status = ra_evidence_next_batch(&batch, tx, piece->after);

    apr_array_clear(piece->lines);
    piece->rows = 0;
    if (status != APR_SUCCESS) {
        return status;
    }
    piece->number = ra_json_get_int(batch, "number", 0);
    status = ra_evidence_members(&members, tx, piece->number);
    if (status == APR_SUCCESS) {
        add_line(piece, "batch", batch);
        add_rows(piece, "member", members, "/event_id");
    }
    return status;
}

static apr_status_t orphans_body(ra_tx_t *tx, void *baton)
{
    piece_t *piece = baton;
    ra_json_t *rows;
    apr_status_t status = ra_evidence_orphans(&rows, tx, piece->export->options->from, piece->after_id, PAGE_ROWS);

    apr_array_clear(piece->lines);
    piece->rows = 0;
    if (status == APR_SUCCESS) {
        add_rows(piece, "member", rows, "/event_id");
    }
    return status;
}

static apr_status_t unsealed_body(ra_tx_t *tx, void *baton)
{
    piece_t *piece = baton;
    ra_json_t *rows;
    apr_status_t status = ra_evidence_unsealed(&rows, tx, piece->after_id, PAGE_ROWS);

    apr_array_clear(piece->lines);
    piece->rows = 0;
    if (status == APR_SUCCESS) {
        add_rows(piece, "unsealed", rows, "/event/id");
    }
    return status;
}

/* Reads one piece and writes it. APR_ENOENT when there was nothing. */
static apr_status_t write_piece(piece_t *piece, ra_tx_body_fn body)
{
    ra_result_t *result;
    apr_status_t status;

    apr_pool_clear(piece->pool);
    piece->lines = apr_array_make(piece->pool, PAGE_ROWS, sizeof(const char *));
    result = ra_result_make(piece->pool);
    status = ra_store_run(piece->export->store, RA_TX_READ, body, piece, result, piece->pool);
    if (status != APR_SUCCESS && status != APR_ENOENT) {
        fail("database", result->log_detail ? result->log_detail : "cannot be read");
    }
    for (int i = 0; status == APR_SUCCESS && i < piece->lines->nelts; i++) {
        fputs(APR_ARRAY_IDX(piece->lines, i, const char *), piece->export->out);
    }
    return status;
}

static apr_status_t write_batches(export_t *export, piece_t *piece)
{
    apr_status_t status = APR_SUCCESS;

    for (piece->after = export->options->from - 1; piece->after < export->newest; piece->after = piece->number) {
        status = write_piece(piece, batch_body);
        if (status != APR_SUCCESS) {
            break;
        }
        export->batches++;
        export->events += piece->rows;
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

static apr_status_t write_pages(piece_t *piece, ra_tx_body_fn body, apr_int64_t *pcount)
{
    apr_status_t status;

    piece->after_id = NULL;
    do {
        status = write_piece(piece, body);
        *pcount += status == APR_SUCCESS ? piece->rows : 0;
    } while (status == APR_SUCCESS && piece->rows == PAGE_ROWS);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static void put_head(const export_t *export)
{
    ra_json_t *head = ra_json_object_make(export->pool);

    ra_json_set_int(head, "format", RA_EVIDENCE_FORMAT);
    ra_json_set_int(head, "from", export->options->from);
    ra_json_set_string(head, "made_at", ra_rfc3339(apr_time_now(), export->pool));
    put(export->out, "export", head, export->pool);
}

static void put_end(const export_t *export)
{
    ra_json_t *end = ra_json_object_make(export->pool);

    ra_json_set_int(end, "batches", export->batches);
    ra_json_set_int(end, "events", export->events);
    ra_json_set_int(end, "unsealed", export->unsealed);
    put(export->out, "end", end, export->pool);
}

static int write_export(export_t *export)
{
    const char *path = export->options->out;
    piece_t piece = {.export = export};
    apr_status_t status;

    export->out = open_file(path, export->pool);
    if (!export->out) {
        return FAILED;
    }
    apr_pool_create(&piece.pool, export->pool);
    put_head(export);
    status = write_batches(export, &piece);
    if (status == APR_SUCCESS) {
        status = write_pages(&piece, orphans_body, &export->events);
    }
    if (status == APR_SUCCESS) {
        status = write_pages(&piece, unsealed_body, &export->unsealed);
    }
    put_end(export);
    return close_file(export->out, path, status == APR_SUCCESS, export->pool);
}

typedef struct newest_t {
    export_t *export;
    const char *line; /* NULL: nothing is sealed */
} newest_t;

static apr_status_t newest_body(ra_tx_t *tx, void *baton)
{
    newest_t *newest = baton;
    ra_json_t *rows;
    apr_status_t status = ra_evidence_batches(&rows, tx, 0, 1);

    newest->line = NULL;
    newest->export->newest = 0;
    if (status == APR_SUCCESS && ra_json_size(rows) > 0) {
        newest->export->newest = ra_json_get_int(ra_json_first(rows), "number", 0);
        newest->line = ra_json_print(ra_json_first(rows), newest->export->pool);
    }
    return status;
}

static int write_checkpoint(export_t *export, const char *line)
{
    const char *path = export->options->checkpoint;
    FILE *out;

    if (!line) {
        return fail(path, "there is no checkpoint: nothing is sealed yet");
    }
    out = open_file(path, export->pool);
    if (!out) {
        return FAILED;
    }
    fprintf(out, "{\"kind\":\"checkpoint\",%s\n", line + 1);
    return close_file(out, path, 1, export->pool);
}

int ra_export_run(const ra_export_options_t *options, apr_pool_t *pool)
{
    export_t export = {.options = options, .pool = pool};
    newest_t newest = {&export, NULL};
    ra_result_t *result = ra_result_make(pool);
    int code = 0;

    if (ra_store_make(&export.store, &options->store, pool) != APR_SUCCESS) {
        return fail("database", "the options do not fit (TLS needs --ca-file beyond the loopback)");
    }
    if (ra_store_run(export.store, RA_TX_READ, newest_body, &newest, result, pool) != APR_SUCCESS) {
        return fail("database", result->log_detail ? result->log_detail : "out of reach");
    }
    if (options->out) {
        code = write_export(&export);
    }
    if (code == 0 && options->checkpoint) {
        code = write_checkpoint(&export, newest.line);
    }
    return code;
}
