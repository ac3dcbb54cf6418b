/* The link to the CA: its last exchange, its queue, its jobs. Layer: business. Thread rule: see ca_link.h. */
#include "business/ca/ca_link.h"

#include <apr_strings.h>

#include "base/ident.h"
#include "base/x509.h"
#include "business/ca/ca_status.h"

/* --- noting ----------------------------------------------------------------------------------------------------- */

/* An answer that could be believed, be it "no" or "wait", shows that the link is good. */
static int is_answered(const ra_attempt_t *attempt)
{
    ra_ca_outcome_e outcome = attempt->exchange.outcome;

    return outcome == RA_CA_DONE || outcome == RA_CA_REJECTED || outcome == RA_CA_WAITING || outcome == RA_CA_REFUSED;
}

/*
 * Good exchanges follow each other quickly, and most of them change nothing: the row was read with the attempt, and who was answered
 * within RA_LINK_NOTE_SECONDS looks no further. A failure that another had meanwhile stays noted until that job's next exchange. Others take no lock either,
 * since all of them share this row.
 */
static int is_no_news(const ra_attempt_t *attempt)
{
    return attempt->link_was_good && apr_time_now() - attempt->read_at < apr_time_from_sec(RA_LINK_NOTE_SECONDS);
}

static apr_status_t look_at_link(ra_tx_t *tx, void *baton)
{
    return ra_sql_int(tx, baton, "SELECT 1 FROM ca_link WHERE " RA_LINK_SAYS_OTHERWISE, RA_NO_VALUES);
}

static apr_status_t note_good(ra_tx_t *tx, void *baton)
{
    (void)baton;
    return ra_sql_change(tx, NULL, "UPDATE ca_link SET good_at = UTC_TIMESTAMP(6), failures = 0 WHERE " RA_LINK_SAYS_OTHERWISE, RA_NO_VALUES);
}

static apr_status_t note_failure(ra_tx_t *tx, void *baton)
{
    const char *reason = ra_attempt_reason(baton);

    return ra_sql_change(tx, NULL, "UPDATE ca_link SET failed_at = UTC_TIMESTAMP(6), failure = ?, failures = failures + 1 WHERE id = 1",
                         RA_VALUES(ra_v_text(reason ? reason : "no answer")));
}

void ra_ca_link_note(const ra_attempt_t *attempt)
{
    apr_int64_t found;

    if (!is_answered(attempt)) {
        ra_attempt_write(attempt, note_failure, (void *)attempt, NULL);
    } else if (!is_no_news(attempt) && ra_store_run(attempt->ra->store, RA_TX_READ, look_at_link, &found, ra_result_make(attempt->pool), attempt->pool) != APR_ENOENT) {
        ra_attempt_write(attempt, note_good, (void *)attempt, NULL);
    }
}

/* --- health ----------------------------------------------------------------------------------------------------- */

#define LINK                                                                                                           \
    "SELECT CASE WHEN failures > 0 THEN 'failing' WHEN good_at IS NULL THEN 'unused' ELSE 'good' END AS `state`,"      \
    " good_at AS good_at, failed_at AS failed_at, failure AS failure, failures AS failures FROM ca_link WHERE id = 1"
/* Both states together are few rows: what is done is not looked at. */
#define QUEUE                                                                                                          \
    "SELECT COUNT(IF(state = 'open', 1, NULL)) AS open, COUNT(IF(state = 'person', 1, NULL)) AS person,"               \
    " COALESCE(TIMESTAMPDIFF(SECOND, MIN(IF(state = 'open', created_at, NULL)), UTC_TIMESTAMP(6)), 0) AS oldest_seconds," \
    " (SELECT COUNT(*) FROM ca_attempts WHERE state = 'unknown') AS unknown FROM outbox_jobs WHERE state IN ('open', 'person')"
#define SOURCE "SELECT tried_at AS tried_at, fetched_at AS fetched_at, failure AS failure FROM ca_sources WHERE kind = ?"
#define CRL                                                                                                            \
    "SELECT this_update AS this_update, next_update AS next_update, entries AS entries FROM ca_crls ORDER BY this_update DESC LIMIT 1"

/* A row as a member; nothing where there is no row. */
static apr_status_t add_row(ra_json_t *object, const ra_act_t *act, const char *sql, ra_values_t values)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, sql, values);

    for (const ra_json_t *member = status == APR_SUCCESS ? ra_json_first(row) : NULL; member; member = ra_json_next(member)) {
        ra_json_set_copy(object, ra_json_name(member), member);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

static apr_status_t add_source(ra_json_t *object, const ra_act_t *act, const char *kind, const char *url)
{
    ra_json_set_bool(object, "configured", url != NULL);
    return url ? add_row(object, act, SOURCE, RA_VALUES(ra_v_text(kind))) : APR_SUCCESS;
}

/* The credential that signs our messages: its end is the end of all business. */
static void add_credential(ra_json_t *health, const ra_act_t *act)
{
    const ra_cert_t *credential = act->ra->ca ? act->ra->ca->credential : NULL;
    ra_json_t *object;

    if (!credential) {
        return;
    }
    object = ra_json_set_object(health, "credential");
    ra_json_set_string(object, "subject", credential->subject.text);
    ra_json_set_string(object, "not_after", ra_rfc3339(credential->not_after, act->tx->pool));
    ra_json_set_int(object, "days_left", (credential->not_after - apr_time_now()) / apr_time_from_sec(86400));
}

apr_status_t ra_ca_link_health(ra_json_t **phealth, const ra_act_t *act)
{
    const ra_settings_t *settings = act->ra->settings;
    ra_json_t *health = ra_json_object_make(act->tx->pool);
    ra_json_t *crl;
    ra_ca_gauge_t gauge = {-1, 0, 0};
    apr_status_t status;

    *phealth = health;
    ra_json_set_bool(health, "configured", act->ra->ca != NULL);
    status = add_row(ra_json_set_object(health, "link"), act, LINK, RA_NO_VALUES);
    if (status == APR_SUCCESS) {
        status = add_row(ra_json_set_object(health, "queue"), act, QUEUE, RA_NO_VALUES);
    }
    crl = ra_json_set_object(health, "crl");
    if (status == APR_SUCCESS) {
        status = add_source(crl, act, "crl", settings->upstream_crl);
    }
    if (status == APR_SUCCESS) {
        status = add_row(crl, act, CRL, RA_NO_VALUES);
    }
    if (status == APR_SUCCESS) {
        status = ra_ca_status_gauge(&gauge, act->tx);
    }
    if (status == APR_SUCCESS) {
        status = add_source(ra_json_set_object(health, "ca_certificates"), act, "ca_certificates", settings->upstream_ca_certificates);
    }
    ra_json_set_bool(crl, "stale", settings->upstream_crl && (ra_json_get_string(crl, "failure") || !ra_json_get_string(crl, "this_update")));
    ra_json_set_int(health, "disagreements", gauge.disagreements);
    add_credential(health, act);
    return status;
}

/* --- jobs ------------------------------------------------------------------------------------------------------- */

/* The page is found by its index first, and joined afterwards. What a job is about depends on its kind; only attempts lead to an application. */
#define JOB                                                                                                            \
    "SELECT j.id AS id, j.kind AS kind, j.state AS state, j.attempts AS attempts, j.created_at AS created_at,"         \
    " IF(j.state = 'open', j.next_run, NULL) AS next_run_at, j.finished_at AS finished_at,"                            \
    " IF(j.lease_until > UTC_TIMESTAMP(6), j.lease_owner, NULL) AS run_by, t.id AS operation_id," \
    " COALESCE(t.reason_text, t.reason_outcome) AS reason, a.id AS `application.id`, a.number AS `application.number`," \
    " a.business AS `application.business`, a.subject_name AS `application.subject_name` FROM (SELECT id FROM outbox_jobs WHERE "
#define JOINED                                                                                                         \
    " ORDER BY id DESC LIMIT ?) p JOIN outbox_jobs j ON j.id = p.id LEFT JOIN ca_attempts t ON t.id = j.subject"       \
    " LEFT JOIN applications a ON a.id = t.application_id AND "

/* Put together from constants only; every value is bound. */
apr_status_t ra_job_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_job_filter_t *filter)
{
    const ra_clause_t clauses[] = {
        {" AND state = ?", ra_v_text(filter->state)},
        {" AND kind = ?", ra_v_text(filter->kind)},
        {" AND id < ?", ra_v_uuid(filter->before_id)},
    };
    ra_value_t values[RA_SIGHT_VALUES + 4];
    int count = 0;
    const char *sql = apr_pstrcat(act->tx->pool, JOB, filter->state ? "1 = 1" : "state IN ('open', 'person')",
                                  RA_CLAUSES(values, &count, clauses, act->tx->pool), NULL);

    values[count++] = ra_v_int(filter->limit + 1);
    sql = apr_pstrcat(act->tx->pool, sql, JOINED, ra_sight_clause(sight, values, &count), " ORDER BY j.id DESC", NULL);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}
