/* See verify.h. Layer: tools. Thread rule: one thread. */
#include "tools/verify.h"

#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/evidence.h"
#include "base/ident.h"
#include "base/signature.h"

#define NUMBER APR_INT64_T_FMT
#define NO_ROOT "0000000000000000000000000000000000000000000000000000000000000000"

enum { EXIT_INTACT = 0, EXIT_FINDINGS = 1, EXIT_UNREADABLE = 2 };

typedef struct checkpoint_t {
    apr_int64_t number;
    ra_hash_t root;
    int met;
} checkpoint_t;

/* One event of the batch that is being read. */
typedef struct member_t {
    const char *id;
    apr_int64_t position;
    ra_hash_t stored;   /* what the database says the event's hash is */
    ra_hash_t computed; /* what it is; the stored one where the event is missing */
    int is_missing;
} member_t;

typedef struct batch_t {
    apr_pool_t *pool;
    apr_int64_t number;
    const char *merkle_root;
    const char *first_event;
    const char *last_event;
    apr_int64_t event_count;
    apr_time_t seen_until;
    apr_array_header_t *members; /* of member_t */
    apr_time_t last_at;          /* of the event before, for the order */
    const char *last_id;
} batch_t;

typedef struct verification_t {
    const ra_verify_options_t *options;
    apr_pool_t *pool;
    apr_array_header_t *verifiers;   /* of ra_verifier_t * */
    apr_array_header_t *checkpoints; /* of checkpoint_t */
    apr_int64_t findings;
    apr_int64_t batches;
    apr_int64_t events;
    apr_int64_t unsealed;
    apr_int64_t next;       /* number of the batch that must come */
    ra_hash_t root;         /* of the batch before */
    int has_root;           /* it is there and known */
    apr_time_t seen_until;  /* of the batches before */
    batch_t *batch;         /* being read; NULL between batches */
    int ended;
} verification_t;

static void find(verification_t *v, const char *text)
{
    v->findings++;
    printf("%s\n", text);
}

static void find_batch(verification_t *v, apr_int64_t number, const char *text)
{
    v->findings++;
    printf("batch %" NUMBER ": %s\n", number, text);
}

static void find_event(verification_t *v, const char *id, apr_int64_t batch, apr_int64_t position, const char *text)
{
    v->findings++;
    printf("event %s (batch %" NUMBER ", position %" NUMBER "): %s\n", id ? id : "without id", batch, position, text);
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "ra-audit: %s: %s\n", what, why);
    return EXIT_UNREADABLE;
}

/* --- signatures and checkpoints --------------------------------------------------------------------------------- */

static const ra_verifier_t *verifier_of(const verification_t *v, const char *key, apr_pool_t *pool)
{
    ra_hash_t wanted;

    if (ra_hash_read(&wanted, key, pool) != APR_SUCCESS) {
        return NULL;
    }
    for (int i = 0; i < v->verifiers->nelts; i++) {
        const ra_verifier_t *verifier = APR_ARRAY_IDX(v->verifiers, i, ra_verifier_t *);

        if (ra_hash_equal(ra_verifier_key(verifier), &wanted)) {
            return verifier;
        }
    }
    return NULL;
}

/* NULL when the signature is good, else what is wrong. */
static const char *signature_flaw(const verification_t *v, const ra_json_t *batch, const char *statement, apr_pool_t *pool)
{
    const char *text = ra_json_get_string(batch, "signature");
    const ra_verifier_t *verifier = verifier_of(v, ra_json_get_string(batch, "key_sha256"), pool);
    ra_bytes_t signature;

    if (!verifier) {
        return "was signed by a key that was not given (--key), or names another key than was sealed";
    }
    if (!text || ra_base64url_decode(&signature, text, pool) != APR_SUCCESS || !ra_verify(verifier, ra_bytes_text(statement), signature)) {
        return "its description or its signature was changed";
    }
    return NULL;
}

static void meet_checkpoints(verification_t *v, apr_int64_t number, const ra_hash_t *root)
{
    for (int i = 0; i < v->checkpoints->nelts; i++) {
        checkpoint_t *checkpoint = &APR_ARRAY_IDX(v->checkpoints, i, checkpoint_t);

        if (checkpoint->number != number) {
            continue;
        }
        checkpoint->met = 1;
        if (!ra_hash_equal(&checkpoint->root, root)) {
            find_batch(v, number, "is not the batch that the checkpoint was exported of: it was replaced");
        }
    }
}

/* --- one batch -------------------------------------------------------------------------------------------------- */

static void name_missing(verification_t *v, apr_int64_t from, apr_int64_t to, const char *how)
{
    char text[128];

    if (from == to) {
        snprintf(text, sizeof(text), "batch %" NUMBER ": is missing%s", from, how);
    } else {
        snprintf(text, sizeof(text), "batch %" NUMBER " to batch %" NUMBER ": are missing%s", from, to, how);
    }
    find(v, text);
}

static ra_hash_t tree_of(const batch_t *batch, int computed)
{
    int count = batch->members->nelts;
    ra_hash_t *leaves = apr_palloc(batch->pool, sizeof(*leaves) * (apr_size_t)(count + 1));

    for (int i = 0; i < count; i++) {
        const member_t *member = &APR_ARRAY_IDX(batch->members, i, member_t);

        leaves[i] = computed ? member->computed : member->stored;
    }
    return ra_merkle_root(leaves, (apr_size_t)count, batch->pool);
}

static void name_changed(verification_t *v, const batch_t *batch, const char *how)
{
    for (int i = 0; i < batch->members->nelts; i++) {
        const member_t *member = &APR_ARRAY_IDX(batch->members, i, member_t);

        if (!ra_hash_equal(&member->stored, &member->computed)) {
            find_event(v, member->id, batch->number, member->position, how);
        }
    }
}

static int same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void check_ends(verification_t *v, const batch_t *batch)
{
    int count = batch->members->nelts;
    char text[160];

    if (count != batch->event_count) {
        snprintf(text, sizeof(text), "has %d events, but %" NUMBER " were sealed: %s", count, batch->event_count,
                 count < batch->event_count ? "events were removed" : "events were inserted");
        find_batch(v, batch->number, text);
    }
    if (count == 0) {
        return;
    }
    if (!same_text(APR_ARRAY_IDX(batch->members, 0, member_t).id, batch->first_event)) {
        find_batch(v, batch->number, "does not begin with the event it was sealed with");
    }
    if (!same_text(APR_ARRAY_IDX(batch->members, count - 1, member_t).id, batch->last_event)) {
        find_batch(v, batch->number, "does not end with the event it was sealed with");
    }
}

/* The tree over the stored hashes tells whether they are what was signed; then an event that has another hash is the one that was changed. */
static void check_tree(verification_t *v, const batch_t *batch)
{
    ra_hash_t stored = tree_of(batch, 0), computed = tree_of(batch, 1), sealed;

    if (ra_hash_read(&sealed, batch->merkle_root, batch->pool) == APR_SUCCESS) {
        if (ra_hash_equal(&stored, &sealed)) {
            name_changed(v, batch, "was changed after it was sealed");
            return;
        }
        if (ra_hash_equal(&computed, &sealed)) {
            name_changed(v, batch, "is as it was sealed, but its stored hash was changed");
            return;
        }
    }
    name_changed(v, batch, "was changed: it does not have its stored hash");
    find_batch(v, batch->number, "its events are not what was sealed: changed, removed, inserted or reordered");
}

static void finish_batch(verification_t *v)
{
    batch_t *batch = v->batch;

    if (!batch) {
        return;
    }
    check_ends(v, batch);
    check_tree(v, batch);
    if (batch->seen_until > v->seen_until) {
        v->seen_until = batch->seen_until;
    }
    v->batch = NULL;
    apr_pool_destroy(batch->pool);
}

static void check_place(verification_t *v, apr_int64_t number)
{
    if (number > v->next) {
        name_missing(v, v->next, number - 1, "");
        v->has_root = 0;
    } else if (number < v->next) {
        find_batch(v, number, "is out of order, or there twice");
        v->has_root = 0;
    }
}

static void check_chain(verification_t *v, apr_int64_t number, const char *previous)
{
    char text[160];

    if (number == 1 && !same_text(previous, NO_ROOT)) {
        find_batch(v, number, "is the first, but names one before it");
    }
    if (number > 1 && v->has_root && !same_text(previous, ra_hash_hex(&v->root, v->batch->pool))) {
        snprintf(text, sizeof(text), "is not the batch that batch %" NUMBER " was sealed after", number);
        find_batch(v, number - 1, text);
    }
}

static batch_t *open_batch(const ra_json_t *line, apr_pool_t *parent)
{
    apr_pool_t *pool;
    batch_t *batch;

    apr_pool_create(&pool, parent);
    batch = apr_pcalloc(pool, sizeof(*batch));
    batch->pool = pool;
    batch->number = ra_json_get_int(line, "number", 0);
    batch->event_count = ra_json_get_int(line, "event_count", -1);
    batch->merkle_root = apr_pstrdup(pool, ra_json_get_string(line, "merkle_root"));
    batch->first_event = apr_pstrdup(pool, ra_json_get_string(line, "first_event"));
    batch->last_event = apr_pstrdup(pool, ra_json_get_string(line, "last_event"));
    if (ra_json_get_string(line, "seen_until")) {
        ra_rfc3339_parse(&batch->seen_until, ra_json_get_string(line, "seen_until"));
    }
    batch->members = apr_array_make(pool, 64, sizeof(member_t));
    return batch;
}

static void begin_batch(verification_t *v, const ra_json_t *line)
{
    const char *statement, *flaw;

    finish_batch(v);
    v->batch = open_batch(line, v->pool);
    v->batches++;
    check_place(v, v->batch->number);
    check_chain(v, v->batch->number, ra_json_get_string(line, "previous_root"));
    statement = ra_evidence_statement(line, v->batch->pool);
    flaw = statement ? signature_flaw(v, line, statement, v->batch->pool) : "cannot be read: a part of its description is missing";
    if (flaw) {
        find_batch(v, v->batch->number, flaw);
    }
    v->has_root = statement != NULL;
    v->next = v->batch->number + 1;
    if (statement) {
        v->root = ra_evidence_root(statement);
        meet_checkpoints(v, v->batch->number, &v->root);
    }
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static apr_time_t time_of(const ra_json_t *event)
{
    const char *text = ra_json_get_string(event, "at");
    apr_time_t time = 0;

    return text && ra_rfc3339_parse(&time, text) == APR_SUCCESS ? time : 0;
}

static void check_order(verification_t *v, const member_t *member, apr_time_t at)
{
    batch_t *batch = v->batch;

    if (at < batch->last_at || (at == batch->last_at && batch->last_id && strcmp(member->id, batch->last_id) <= 0)) {
        find_event(v, member->id, batch->number, member->position, "is out of order: it is older than the event before it");
    }
    batch->last_at = at;
    batch->last_id = member->id;
    if (at < v->seen_until) {
        find_event(v, member->id, batch->number, member->position,
                   "is dated before what earlier batches had sealed completely: inserted, or written after the clock was set back");
    }
}

static void check_event(verification_t *v, member_t *member, const ra_json_t *event, apr_pool_t *pool)
{
    if (!event) {
        member->is_missing = 1;
        member->computed = member->stored;
        find_event(v, member->id, v->batch->number, member->position, "was removed");
        return;
    }
    member->computed = ra_evidence_leaf(event, pool);
    if (!same_text(ra_json_get_string(event, "id"), member->id)) {
        find_event(v, member->id, v->batch->number, member->position, "another event stands in its place");
    }
    check_order(v, member, time_of(event));
}

static void check_position(verification_t *v, const member_t *member)
{
    apr_int64_t expected = v->batch->members->nelts;
    char text[100];

    if (expected > 0) {
        expected = APR_ARRAY_IDX(v->batch->members, expected - 1, member_t).position + 1;
    }
    if (member->position > expected) {
        snprintf(text, sizeof(text), "position %" NUMBER "%s is missing", expected, member->position > expected + 1 ? " and more" : "");
        find_batch(v, v->batch->number, text);
    } else if (member->position < expected) {
        find_event(v, member->id, v->batch->number, member->position, "stands in a position that is taken");
    }
}

static void add_member(verification_t *v, const ra_json_t *line, apr_pool_t *pool)
{
    apr_int64_t number = ra_json_get_int(line, "batch", 0);
    member_t member = {.position = ra_json_get_int(line, "position", -1)};

    v->events++;
    if (!v->batch || number != v->batch->number) {
        find_event(v, ra_json_get_string(line, "event_id"), number, member.position, "belongs to a batch that is not there");
        return;
    }
    member.id = apr_pstrdup(v->batch->pool, ra_json_get_string(line, "event_id"));
    if (!member.id || ra_hash_read(&member.stored, ra_json_get_string(line, "event_sha256"), pool) != APR_SUCCESS) {
        find_event(v, member.id, number, member.position, "its membership cannot be read");
        return;
    }
    check_position(v, &member);
    check_event(v, &member, ra_json_get(line, "event"), pool);
    APR_ARRAY_PUSH(v->batch->members, member_t) = member;
}

static void add_unsealed(verification_t *v, const ra_json_t *line)
{
    const ra_json_t *event = ra_json_get(line, "event");
    const char *id = ra_json_get_string(event, "id");

    finish_batch(v);
    v->unsealed++;
    if (time_of(event) < v->seen_until) {
        v->findings++;
        printf("event %s: is in no batch, but dated before what was sealed completely: inserted, or its membership was removed\n",
               id ? id : "without id");
    }
}

/* --- the file --------------------------------------------------------------------------------------------------- */

static void begin_export(verification_t *v, const ra_json_t *line)
{
    char text[128];
    apr_int64_t from = ra_json_get_int(line, "from", 0);

    v->next = v->options->from;
    if (from != v->options->from) {
        snprintf(text, sizeof(text), "the export begins with batch %" NUMBER ", but batch %" NUMBER " is expected (--from)", from, v->options->from);
        find(v, text);
    }
    for (int i = 0; i < v->checkpoints->nelts; i++) {
        checkpoint_t *checkpoint = &APR_ARRAY_IDX(v->checkpoints, i, checkpoint_t);

        if (checkpoint->number == v->options->from - 1) {
            v->root = checkpoint->root;
            v->has_root = checkpoint->met = 1;
        }
    }
}

static void end_export(verification_t *v, const ra_json_t *line)
{
    finish_batch(v);
    if (v->ended) {
        find(v, "the export has two ends");
    }
    v->ended = 1;
    if (ra_json_get_int(line, "batches", -1) != v->batches || ra_json_get_int(line, "events", -1) != v->events ||
        ra_json_get_int(line, "unsealed", -1) != v->unsealed) {
        find(v, "the export does not have as many batches or events as its end says");
    }
}

static void take_line(verification_t *v, const ra_json_t *line, apr_int64_t row, apr_pool_t *pool)
{
    const char *kind = ra_json_get_string(line, "kind");
    char text[64];

    if (same_text(kind, "member")) {
        add_member(v, line, pool);
    } else if (same_text(kind, "batch")) {
        begin_batch(v, line);
    } else if (same_text(kind, "unsealed")) {
        add_unsealed(v, line);
    } else if (same_text(kind, "end")) {
        end_export(v, line);
    } else {
        snprintf(text, sizeof(text), "line %" NUMBER ": cannot be read", row);
        find(v, text);
    }
}

/* The next line as JSON. APR_EOF; APR_EINVAL for a line that is no JSON. */
static apr_status_t next_line(ra_json_t **pline, FILE *file, char **pbuffer, size_t *psize, apr_pool_t *pool)
{
    ssize_t len = getline(pbuffer, psize, file);
    ra_json_error_t error;

    if (len < 0) {
        return APR_EOF;
    }
    return ra_json_parse(pline, *pbuffer, (apr_size_t)len, &ra_json_limits_document, &error, pool);
}

static int is_export(const ra_json_t *line)
{
    return same_text(ra_json_get_string(line, "kind"), "export") && ra_json_get_int(line, "format", 0) == RA_EVIDENCE_FORMAT;
}

static int read_export(verification_t *v, FILE *file)
{
    char *buffer = NULL;
    size_t size = 0;
    apr_pool_t *pool;
    ra_json_t *line;
    apr_status_t status;
    int is_good;

    apr_pool_create(&pool, v->pool);
    is_good = next_line(&line, file, &buffer, &size, pool) == APR_SUCCESS && is_export(line);
    if (is_good) {
        begin_export(v, line);
    }
    for (apr_int64_t row = 2; is_good; row++) {
        apr_pool_clear(pool);
        status = next_line(&line, file, &buffer, &size, pool);
        if (status == APR_EOF) {
            break;
        }
        take_line(v, status == APR_SUCCESS ? line : NULL, row, pool);
    }
    free(buffer);
    apr_pool_destroy(pool);
    return is_good;
}

static void check_end(verification_t *v)
{
    finish_batch(v);
    if (!v->ended) {
        find(v, "the export is cut off: its last line is missing");
    }
    for (int i = 0; i < v->checkpoints->nelts; i++) {
        const checkpoint_t *checkpoint = &APR_ARRAY_IDX(v->checkpoints, i, checkpoint_t);

        if (!checkpoint->met && checkpoint->number >= v->next) {
            name_missing(v, v->next, checkpoint->number, ": the end was cut off after the checkpoint was exported");
        }
    }
}

/* --- keys and checkpoints --------------------------------------------------------------------------------------- */

static int load_keys(verification_t *v)
{
    for (int i = 0; i < v->options->keys->nelts; i++) {
        const char *path = APR_ARRAY_IDX(v->options->keys, i, const char *), *wrong = NULL;
        ra_verifier_t *verifier;

        if (ra_verifier_load(&verifier, path, &wrong, v->pool) != APR_SUCCESS) {
            return fail("key", wrong);
        }
        APR_ARRAY_PUSH(v->verifiers, ra_verifier_t *) = verifier;
    }
    return EXIT_INTACT;
}

static void add_checkpoint(verification_t *v, const ra_json_t *line, const char *path)
{
    apr_int64_t number = ra_json_get_int(line, "number", 0);
    const char *statement = ra_evidence_statement(line, v->pool);
    const char *flaw = statement ? signature_flaw(v, line, statement, v->pool) : "cannot be read";
    const char *root = ra_json_get_string(line, "root");
    checkpoint_t checkpoint = {.number = number};

    if (!flaw) {
        checkpoint.root = ra_evidence_root(statement);
        flaw = root && !same_text(root, ra_hash_hex(&checkpoint.root, v->pool)) ? "its root was changed" : NULL;
    }
    if (flaw) {
        find(v, apr_psprintf(v->pool, "checkpoint of batch %" NUMBER " (%s): %s", number, path, flaw));
        return;
    }
    APR_ARRAY_PUSH(v->checkpoints, checkpoint_t) = checkpoint;
}

static int load_checkpoints(verification_t *v, const char *path)
{
    FILE *file = fopen(path, "r");
    char *buffer = NULL;
    size_t size = 0;
    int lines = 0;
    ra_json_t *line;
    apr_status_t status;

    if (!file) {
        return fail(path, "not readable");
    }
    while ((status = next_line(&line, file, &buffer, &size, v->pool)) != APR_EOF) {
        add_checkpoint(v, status == APR_SUCCESS ? line : NULL, path);
        lines++;
    }
    free(buffer);
    fclose(file);
    return lines > 0 ? EXIT_INTACT : fail(path, "has no checkpoint");
}

static void summarise(const verification_t *v)
{
    printf("%" NUMBER " batches, %" NUMBER " sealed events, %" NUMBER " events not sealed yet, %d checkpoints: ", v->batches, v->events, v->unsealed,
           v->checkpoints->nelts);
    if (v->findings) {
        printf("%" NUMBER " findings\n", v->findings);
        return;
    }
    printf("intact\n");
    if (v->checkpoints->nelts == 0) {
        printf("note: without a checkpoint (--checkpoint) nobody can see whether the end was cut off\n");
    }
}

int ra_verify_export(const ra_verify_options_t *options, apr_pool_t *pool)
{
    verification_t v = {.options = options, .pool = pool, .next = options->from};
    FILE *file;
    int status, is_good;

    v.verifiers = apr_array_make(pool, 2, sizeof(ra_verifier_t *));
    v.checkpoints = apr_array_make(pool, 8, sizeof(checkpoint_t));
    status = load_keys(&v);
    for (int i = 0; status == EXIT_INTACT && i < options->checkpoints->nelts; i++) {
        status = load_checkpoints(&v, APR_ARRAY_IDX(options->checkpoints, i, const char *));
    }
    if (status != EXIT_INTACT) {
        return status;
    }
    file = fopen(options->path, "r");
    if (!file) {
        return fail(options->path, "not readable");
    }
    is_good = read_export(&v, file);
    is_good = !ferror(file) && is_good;
    fclose(file);
    if (!is_good) {
        return fail(options->path, "is not an export of format 1 that ra-audit has made");
    }
    check_end(&v);
    summarise(&v);
    return v.findings ? EXIT_FINDINGS : EXIT_INTACT;
}
