/*
 * What follows from a CRL: marks on our certificates as the list shows them, the certificates that are out of step with it, and disagreements.
 * Layer: business. Everything is found in portions by statements over sets (a list may have a million entries); repeating all of it changes nothing, so a run that
 * ends in the middle is finished by the next one.
 *
 * A change of ours that is younger than the list (certificates.status_at), or that is on its way to the CA, is not what the list knows about: it is left alone.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "business/ca/ca_status.h"
#include "business/evidence/audit.h"

#define ENTRIES_AT_ONCE 2000
#define MARKS_AT_ONCE 1000
#define CHANGES_AT_ONCE 200

typedef struct run_t {
    ra_t *ra;
    const ra_job_t *job;
    const ra_crl_t *crl;
    ra_tx_body_fn body;    /* of the portion */
    int first;             /* entry of the list with which the portion begins */
    const char *after_id;  /* keyset of the marks; NULL from the first */
    int count;             /* out: of the portion */
    int kind;              /* of the changes */
    apr_pool_t *pool;
} run_t;

/* --- marks ------------------------------------------------------------------------------------------------------ */

static const char *entries_json(const ra_crl_t *crl, int first, int count, apr_pool_t *pool)
{
    ra_json_t *list = ra_json_array_make(pool);

    for (int i = first; i < first + count; i++) {
        const ra_crl_entry_t *entry = &crl->entries[i];
        ra_json_t *item = ra_json_add_object(list);

        ra_json_set_string(item, "s", entry->serial);
        ra_json_set_int(item, "t", apr_time_sec(entry->revoked_at));
        ra_json_set_string(item, "r", ra_crl_reason_word(entry->reason));
    }
    return ra_json_print(list, pool);
}

#define AS_LISTED "IF(j.r = 'certificate_hold', 'held', 'revoked')"

/* Entries of the list that are ours and that are new, or say something new. */
static apr_status_t mark_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    int left = run->crl->count - run->first;

    RA_FAILPOINT(crl_marking);
    run->count = left < ENTRIES_AT_ONCE ? left : ENTRIES_AT_ONCE;
    return ra_sql_change(tx, NULL,
                         "INSERT INTO ca_marks (certificate_id, status, revoked_at, reason, since)"
                         " SELECT c.id, " AS_LISTED ", TIMESTAMP('1970-01-01') + INTERVAL j.t SECOND, j.r, ?"
                         " FROM JSON_TABLE(?, '$[*]' COLUMNS (s VARCHAR(64) CHARACTER SET ascii PATH '$.s', t BIGINT PATH '$.t',"
                         " r VARCHAR(32) CHARACTER SET ascii PATH '$.r')) j STRAIGHT_JOIN certificates c FORCE INDEX (certificates_serial) ON c.serial = j.s"
                         " LEFT JOIN ca_marks m ON m.certificate_id = c.id"
                         " WHERE c.issuer = ? AND (m.certificate_id IS NULL OR m.status <> " AS_LISTED " OR m.revoked_at <> TIMESTAMP('1970-01-01') + INTERVAL j.t SECOND"
                         " OR NOT m.reason <=> j.r)"
                         " ON DUPLICATE KEY UPDATE since = IF(ca_marks.status = VALUES(status), ca_marks.since, VALUES(since)), status = VALUES(status),"
                         " revoked_at = VALUES(revoked_at), reason = VALUES(reason)",
                         RA_VALUES(ra_v_time(run->crl->this_update), ra_v_text(entries_json(run->crl, run->first, run->count, tx->pool)),
                                   ra_v_text(run->crl->issuer)));
}

/* Marks whose entry is gone: released at the CA, or no longer listed because the certificate has lapsed (RFC 5280 §3.3), which means nothing. */
static apr_status_t unmark_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    ra_json_t *rows, *gone = ra_json_array_make(tx->pool);
    const char *last = NULL;
    apr_status_t status = ra_sql_rows(tx, &rows,
                                      "SELECT m.certificate_id AS id, c.serial AS serial FROM ca_marks m STRAIGHT_JOIN certificates c ON c.id = m.certificate_id"
                                      " WHERE m.certificate_id > COALESCE(?, '') AND m.status <> 'none' AND c.issuer = ? AND c.not_after > ?"
                                      " ORDER BY m.certificate_id LIMIT ?",
                                      RA_VALUES(ra_v_uuid(run->after_id), ra_v_text(run->crl->issuer), ra_v_time(run->crl->this_update),
                                                ra_v_int(MARKS_AT_ONCE)));

    if (status != APR_SUCCESS) {
        return status;
    }
    run->count = ra_json_size(rows);
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        last = ra_json_get_string(row, "id");
        if (!ra_crl_find(run->crl, ra_json_get_string(row, "serial"))) {
            ra_json_add_string(gone, apr_pstrcat(tx->pool, last, NULL));
        }
    }
    if (ra_json_size(gone) > 0) {
        status = ra_sql_change(tx, NULL,
                               "UPDATE ca_marks m JOIN JSON_TABLE(?, '$[*]' COLUMNS (id CHAR(36) CHARACTER SET ascii PATH '$')) j"
                               " ON m.certificate_id = UNHEX(REPLACE(j.id, '-', '')) SET m.status = 'none', m.reason = NULL, m.since = ?",
                               RA_VALUES(ra_v_json(gone, tx->pool), ra_v_time(run->crl->this_update)));
    }
    if (status == APR_SUCCESS && last) {
        run->after_id = apr_pstrdup(run->pool, last);
    }
    return status;
}

/* --- certificates out of step ----------------------------------------------------------------------------------- */

/* Older than the list, and nothing of ours is on its way to the CA that began after it. */
#define SETTLED_BEFORE                                                                                                 \
    " AND COALESCE(c.status_at, '1000-01-01') < ? AND NOT EXISTS (SELECT 1 FROM ca_attempts t WHERE t.open_attempt = c.id AND t.created_at >= ?)"

static const struct {
    const char *event;
    const char *where;
    const char *set;
} changes[] = {
    {"revoked", "m.status = 'revoked' AND c.revoked_at IS NULL",
     "c.revoked_at = m.revoked_at, c.suspended_at = NULL, c.revocation_reason = m.reason"},
    {"suspended", "m.status = 'held' AND c.revoked_at IS NULL AND c.suspended_at IS NULL",
     "c.suspended_at = m.revoked_at, c.suspensions = c.suspensions + 1, c.suspension_stage = 0, c.revocation_reason = 'certificate_hold'"},
    /* Only when the entry went after the suspension began: a hold that the CA has never shown is a disagreement. */
    {"released", "m.status = 'none' AND c.revoked_at IS NULL AND c.suspended_at IS NOT NULL AND m.since > COALESCE(c.status_at, c.suspended_at)",
     "c.suspended_at = NULL, c.revocation_reason = NULL"},
};
#define CHANGES ((int)(sizeof(changes) / sizeof(changes[0])))

#define ROWS "JSON_TABLE(?, '$[*]' COLUMNS (c CHAR(36) CHARACTER SET ascii PATH '$.c', h CHAR(36) CHARACTER SET ascii PATH '$.h'," \
    " a CHAR(36) CHARACTER SET ascii PATH '$.a')) j"
#define BYTES(column) "UNHEX(REPLACE(j." column ", '-', ''))"

/* The certificates of a portion, each with an id for its history row and one for its audit row. */
static apr_status_t find_changes(ra_json_t **plist, ra_tx_t *tx, const run_t *run)
{
    ra_json_t *rows;
    ra_value_t now = ra_v_time(run->crl->this_update);
    apr_status_t status = ra_sql_rows(tx, &rows,
                                      apr_pstrcat(tx->pool, "SELECT c.id AS id FROM ca_marks m STRAIGHT_JOIN certificates c ON c.id = m.certificate_id WHERE ",
                                                  changes[run->kind].where, " AND c.issuer = ?" SETTLED_BEFORE " LIMIT ?", NULL),
                                      RA_VALUES(ra_v_text(run->crl->issuer), now, now, ra_v_int(CHANGES_AT_ONCE)));

    *plist = ra_json_array_make(tx->pool);
    for (const ra_json_t *row = status == APR_SUCCESS ? ra_json_first(rows) : NULL; row; row = ra_json_next(row)) {
        ra_json_t *item = ra_json_add_object(*plist);

        ra_json_set_string(item, "c", ra_json_get_string(row, "id"));
        ra_json_set_string(item, "h", ra_uuid_make(tx->pool));
        ra_json_set_string(item, "a", ra_uuid_make(tx->pool));
    }
    return status;
}

static apr_status_t write_evidence(ra_tx_t *tx, const run_t *run, const char *list)
{
    const char *event = changes[run->kind].event;
    apr_status_t status = ra_sql_change(tx, NULL,
                                        "INSERT INTO certificate_history (id, certificate_id, at, event, source, reason, detail)"
                                        " SELECT " BYTES("h") ", m.certificate_id, UTC_TIMESTAMP(6), ?, 'ca', m.reason, JSON_OBJECT('crl_number', ?)"
                                        " FROM " ROWS " JOIN ca_marks m ON m.certificate_id = " BYTES("c"),
                                        RA_VALUES(ra_v_text(event), ra_v_text(run->crl->number), ra_v_text(list)));

    return status == APR_SUCCESS
               ? ra_sql_change(tx, NULL,
                               "INSERT INTO audit_events (id, at, event, outcome, actor_kind, object_type, object_id, detail)"
                               " SELECT " BYTES("a") ", UTC_TIMESTAMP(6), 'certificate_status_changed', 'done', 'ra', 'certificate', " BYTES("c") ","
                               " JSON_OBJECT('event', ?, 'source', 'ca', 'crl_number', ?) FROM " ROWS,
                               RA_VALUES(ra_v_text(event), ra_v_text(run->crl->number), ra_v_text(list)))
               : status;
}

static apr_status_t change_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    ra_json_t *rows;
    const char *list;
    apr_uint64_t affected = 0;
    ra_value_t now = ra_v_time(run->crl->this_update);
    apr_status_t status = find_changes(&rows, tx, run);

    run->count = ra_json_size(rows);
    if (status != APR_SUCCESS || run->count == 0) {
        return status;
    }
    list = ra_json_print(rows, tx->pool);
    if (RA_PLANTED(crl_unheeded)) {
        return write_evidence(tx, run, list);
    }
    /* Compare-and-set: whoever was faster with one of them has the whole portion found again. In this order, so that no other certificate is locked. */
    status = ra_sql_change(tx, &affected,
                           apr_pstrcat(tx->pool, "UPDATE " ROWS " STRAIGHT_JOIN certificates c ON c.id = " BYTES("c") " STRAIGHT_JOIN ca_marks m ON m.certificate_id = c.id SET ",
                                       changes[run->kind].set, ", c.status_at = UTC_TIMESTAMP(6), c.version = c.version + 1 WHERE ", changes[run->kind].where, SETTLED_BEFORE, NULL),
                           RA_VALUES(ra_v_text(list), now, now));
    if (status == APR_SUCCESS && affected != (apr_uint64_t)run->count) {
        return RA_ERETRY;
    }
    RA_FAILPOINT(crl_changed);
    return status == APR_SUCCESS ? write_evidence(tx, run, list) : status;
}

/* --- disagreements ---------------------------------------------------------------------------------------------- */

/* Ours says revoked or suspended since before the list was made, and the list does not. A lapsed certificate need not be listed. */
#define HERE_ONLY                                                                                                      \
    " c.issuer = ? AND c.not_after > ? AND COALESCE(c.status_at, c.revoked_at, c.suspended_at) < ?"                    \
    " AND ((c.revoked_at IS NOT NULL AND COALESCE(m.status, 'none') <> 'revoked')"                                     \
    " OR (c.revoked_at IS NULL AND c.suspended_at IS NOT NULL AND COALESCE(m.status, 'none') = 'none'))"

#define FIND(here, mark)                                                                                               \
    "INSERT INTO ca_disagreements (certificate_id, here, at_ca, region, agency_id, submitted_by, crl_of, found_at)"    \
    " SELECT c.id, '" here "', COALESCE(m.status, 'none'), c.region, c.agency_id, c.submitted_by, ?, UTC_TIMESTAMP(6)" \
    " FROM certificates c FORCE INDEX (certificates_mark) LEFT JOIN ca_marks m ON m.certificate_id = c.id"             \
    " LEFT JOIN ca_disagreements d ON d.certificate_id = c.id AND d.is_open = 1"                                       \
    " WHERE c.mark = " mark " AND d.certificate_id IS NULL AND" HERE_ONLY                                              \
    " ON DUPLICATE KEY UPDATE here = VALUES(here), at_ca = VALUES(at_ca), crl_of = VALUES(crl_of), found_at = VALUES(found_at), gone_at = NULL"

static apr_status_t note_disagreements(ra_tx_t *tx, const run_t *run, apr_int64_t found, apr_int64_t gone)
{
    ra_act_t act = {run->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "ca_disagreements", .outcome = "done", .detail = detail};

    ra_json_set_string(detail, "crl_number", run->crl->number);
    ra_json_set_int(detail, "found", found);
    ra_json_set_int(detail, "gone", gone);
    return found + gone > 0 ? ra_audit_write(&act, &audit) : APR_SUCCESS;
}

static apr_status_t disagreement_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    static const char *const finds[] = {FIND("revoked", "2"), FIND("suspended", "1")};
    ra_value_t now = ra_v_time(run->crl->this_update), issuer = ra_v_text(run->crl->issuer);
    apr_uint64_t found = 0, gone = 0, affected = 0;
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; status == APR_SUCCESS && i < 2; i++) {
        status = ra_sql_change(tx, &affected, finds[i], RA_VALUES(now, issuer, now, now));
        found += affected;
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(tx, &gone,
                               "UPDATE ca_disagreements d JOIN certificates c ON c.id = d.certificate_id LEFT JOIN ca_marks m ON m.certificate_id = c.id"
                               " SET d.gone_at = UTC_TIMESTAMP(6) WHERE d.is_open = 1 AND c.issuer = ? AND NOT (" HERE_ONLY ")",
                               RA_VALUES(issuer, issuer, now, now));
    }
    run->count = (int)found;
    return status == APR_SUCCESS ? note_disagreements(tx, run, (apr_int64_t)found, (apr_int64_t)gone) : status;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

/* Each portion begins the lease anew, and is written by nobody but who has it. */
static apr_status_t keep_and_run(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    apr_status_t status = ra_outbox_keep(tx, run->ra->outbox, run->job);

    return status == APR_SUCCESS ? run->body(tx, run) : status;
}

static apr_status_t run_body(run_t *run, ra_tx_body_fn body, ra_result_t *result)
{
    run->count = 0;
    run->body = body;
    return ra_store_run(run->ra->store, RA_TX_WRITE, keep_and_run, run, result, run->pool);
}

static apr_status_t follow_marks(run_t *run, ra_result_t *result)
{
    apr_status_t status = APR_SUCCESS;

    for (run->first = 0; status == APR_SUCCESS && run->first < run->crl->count; run->first += ENTRIES_AT_ONCE) {
        status = run_body(run, mark_body, result);
    }
    do {
        status = status == APR_SUCCESS ? run_body(run, unmark_body, result) : status;
    } while (status == APR_SUCCESS && run->count == MARKS_AT_ONCE);
    return status;
}

apr_status_t ra_ca_status_follow(ra_t *ra, const ra_job_t *job, const ra_crl_t *crl, ra_result_t *result, apr_pool_t *pool)
{
    run_t run = {.ra = ra, .job = job, .crl = crl, .pool = pool};
    apr_status_t status = follow_marks(&run, result);

    for (run.kind = 0; status == APR_SUCCESS && run.kind < CHANGES; run.kind++) {
        int total = 0;

        do {
            status = run_body(&run, change_body, result);
            total += run.count;
        } while (status == APR_SUCCESS && run.count == CHANGES_AT_ONCE);
        if (total > 0) {
            ra->outbox->log(2, "RA0463", apr_psprintf(pool, "as the CA's CRL says, %d certificates are %s", total, changes[run.kind].event));
        }
    }
    if (status == APR_SUCCESS) {
        status = run_body(&run, disagreement_body, result);
    }
    if (status == APR_SUCCESS && run.count > 0) {
        ra->outbox->log(1, "RA0464", apr_psprintf(pool, "%d certificates are revoked or suspended here and not on the CA's CRL: see reports/ca-disagreements", run.count));
    }
    return status;
}

apr_status_t ra_disagreement_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_disagreement_filter_t *filter)
{
    ra_value_t values[RA_SIGHT_VALUES + 2];
    int count = 0;
    const ra_clause_t clauses[] = {{" AND a.certificate_id < ?", ra_v_uuid(filter->before_id)}};
    const char *seen = ra_sight_clause(sight, values, &count);
    const char *sql = apr_pstrcat(act->tx->pool,
                                  "SELECT a.certificate_id AS id, c.serial AS serial, c.subject_name AS subject_name, c.kind AS kind, a.region AS region,"
                                  " c.subscriber_id AS `subscriber.id`, s.name AS `subscriber.name`, s.social_security_no AS `subscriber.social_security_no`,"
                                  " a.here AS here, c.revocation_reason AS reason, c.status_at AS status_at, a.at_ca AS at_ca, a.crl_of AS crl_of,"
                                  " a.found_at AS found_at FROM (SELECT a.certificate_id FROM ca_disagreements a WHERE ",
                                  seen, " AND a.is_open = 1", RA_CLAUSES(values, &count, clauses, act->tx->pool),
                                  " ORDER BY a.certificate_id DESC LIMIT ?) p STRAIGHT_JOIN ca_disagreements a ON a.certificate_id = p.certificate_id"
                                  " STRAIGHT_JOIN certificates c ON c.id = a.certificate_id STRAIGHT_JOIN subscribers s ON s.id = c.subscriber_id"
                                  " ORDER BY a.certificate_id DESC", NULL);

    values[count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}
