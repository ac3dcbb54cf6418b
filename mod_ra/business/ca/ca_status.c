/* Fetching what the CA publishes, storing and showing it. What follows from a CRL is in ca_marks.c. Layer: business. */
#include "business/ca/ca_status.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/http.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/x509.h"

#define JOB "ca_status"
#define LANE 2
#define SUBJECT "00000000-0000-7000-8000-00000000ca57" /* one job for the one CA */
#define PART_BYTES (1024 * 1024)
#define CONNECT_TIMEOUT apr_time_from_sec(10)
#define CLOCK_SKEW apr_time_from_sec(300)
#define LARGE_BYTES (4 * 1024 * 1024) /* a list of them takes eleven times as much while it is read */

typedef struct source_t {
    const char *kind; /* ca_sources.kind */
    const char *what; /* for the log */
    const char *url;
    apr_size_t max;
} source_t;

/* --- queueing --------------------------------------------------------------------------------------------------- */

apr_status_t ra_ca_status_queue(ra_tx_t *tx, void *baton)
{
    const ra_t *ra = baton;
    apr_uint64_t affected = 0;
    const char *job;
    apr_status_t status;

    if (!ra->settings->upstream_crl && !ra->settings->upstream_ca_certificates) {
        return APR_SUCCESS;
    }
    /* A clock that was set back holds nothing up. */
    status = ra_sql_change(tx, &affected,
                           "UPDATE ca_sources SET next_at = UTC_TIMESTAMP(6) + INTERVAL ? SECOND WHERE kind = 'crl'"
                           " AND (next_at <= UTC_TIMESTAMP(6) OR next_at > UTC_TIMESTAMP(6) + INTERVAL ? SECOND)",
                           RA_VALUES(ra_v_int(ra->settings->upstream_crl_seconds), ra_v_int(ra->settings->upstream_crl_seconds)));
    if (status != APR_SUCCESS || affected == 0) {
        return status;
    }
    status = ra_outbox_add(tx, JOB, LANE, SUBJECT, &job);
    return status == APR_EEXIST ? APR_SUCCESS : status; /* the one before is not done yet */
}

/* --- the outcome of a fetch ------------------------------------------------------------------------------------- */

typedef struct fetch_t {
    ra_t *ra;
    const ra_job_t *job;
    const source_t *source;
    apr_size_t size;     /* of what was fetched */
    const char *failure; /* NULL: all is well */
    int changed;         /* out: it failed and did not before, or the other way round */
    apr_pool_t *pool;
} fetch_t;

/* Who changes the row from well to failed, or back, is the one that says so in the log; who has lost the job says nothing. */
static apr_status_t write_outcome(ra_tx_t *tx, void *baton)
{
    fetch_t *fetch = baton;
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected, "UPDATE ca_sources SET failure = ? WHERE kind = ? AND (failure IS NULL) <> ?",
                                        RA_VALUES(ra_v_text(fetch->failure), ra_v_text(fetch->source->kind), ra_v_int(fetch->failure == NULL)));

    fetch->changed = affected == 1;
    if (status == APR_SUCCESS) {
        status = ra_sql_change(tx, NULL,
                               "UPDATE ca_sources SET tried_at = UTC_TIMESTAMP(6), fetched_at = IF(?, UTC_TIMESTAMP(6), fetched_at), failure = ? WHERE kind = ?",
                               RA_VALUES(ra_v_int(fetch->failure == NULL), ra_v_text(fetch->failure), ra_v_text(fetch->source->kind)));
    }
    return status == APR_SUCCESS ? ra_outbox_keep(tx, fetch->ra->outbox, fetch->job) : status;
}

static void note_outcome(fetch_t *fetch)
{
    if (ra_store_run(fetch->ra->store, RA_TX_WRITE, write_outcome, fetch, ra_result_make(fetch->pool), fetch->pool) == APR_SUCCESS && fetch->changed) {
        fetch->ra->outbox->log(fetch->failure ? 1 : 2, fetch->failure ? "RA0461" : "RA0462",
                               apr_pstrcat(fetch->pool, fetch->source->what, " of the CA: ", fetch->failure ? fetch->failure : "all is well again", NULL));
    }
}

static const char *get(ra_bytes_t *pbody, fetch_t *fetch)
{
    ra_http_target_t target = {.url = fetch->source->url, .ca_pem = fetch->ra->settings->upstream_tls_ca};
    ra_http_post_t request = {.target = &target, .connect_timeout = CONNECT_TIMEOUT, .timeout = fetch->ra->settings->upstream_timeout,
                              .answer_max = fetch->source->max};
    ra_http_reply_t reply;

    if (ra_http_get(&reply, &request, fetch->pool) != APR_SUCCESS) {
        if (reply.too_large) {
            return apr_psprintf(fetch->pool, "larger than the %" APR_SIZE_T_FMT " KiB that are allowed (RAUpstreamCRLMax for the CRL)",
                                fetch->source->max / 1024);
        }
        return apr_psprintf(fetch->pool, "cannot be fetched: %.200s", reply.error);
    }
    *pbody = reply.body;
    fetch->size = reply.body.len;
    return reply.status == 200 ? NULL : apr_psprintf(fetch->pool, "cannot be fetched: HTTP status %d", reply.status);
}

/* --- the CRL ---------------------------------------------------------------------------------------------------- */

typedef struct storing_t {
    const fetch_t *fetch;
    const ra_crl_t *crl;
    const char *refusal; /* out */
} storing_t;

static ra_value_t issuer_key(const ra_crl_t *crl, apr_pool_t *pool)
{
    unsigned char *digest = apr_palloc(pool, RA_SHA256_BYTES);

    ra_sha256(digest, crl->issuer, strlen(crl->issuer));
    return ra_v_hash(digest);
}

static apr_status_t write_parts(ra_tx_t *tx, const ra_crl_t *crl)
{
    ra_value_t key = issuer_key(crl, tx->pool);
    apr_status_t status = ra_sql_change(tx, NULL, "DELETE FROM ca_crl_parts WHERE issuer_sha256 = ?", RA_VALUES(key));
    int part = 0;

    for (apr_size_t at = 0; status == APR_SUCCESS && at < crl->der.len; at += PART_BYTES, part++) {
        apr_size_t left = crl->der.len - at;

        status = ra_sql_change(tx, NULL, "INSERT INTO ca_crl_parts (issuer_sha256, part, data) VALUES (?, ?, ?)",
                               RA_VALUES(key, ra_v_int(part), ra_v_bytes(ra_bytes_of(crl->der.data + at, left < PART_BYTES ? left : PART_BYTES))));
    }
    return status;
}

/* A number or a date that goes back is an old list, however well it is signed: what was revoked since would look good again. */
static const char *reason_against(const ra_crl_t *crl, const ra_json_t *stored)
{
    const char *number = ra_json_get_string(stored, "number");
    apr_time_t this_update;

    if (!number) {
        return NULL;
    }
    if (strcmp(crl->number, number) < 0) {
        return "its number is lower than that of the CRL before";
    }
    if (ra_rfc3339_parse(&this_update, ra_json_get_string(stored, "this_update")) != APR_SUCCESS || crl->this_update < this_update) {
        return "it is older than the CRL before";
    }
    return strcmp(crl->number, number) == 0 ? "it has the number of the CRL before and another content" : NULL;
}

static apr_status_t store_crl(ra_tx_t *tx, void *baton)
{
    storing_t *storing = baton;
    const ra_crl_t *crl = storing->crl;
    ra_value_t key = issuer_key(crl, tx->pool);
    ra_json_t *stored;
    apr_status_t status = ra_outbox_keep(tx, storing->fetch->ra->outbox, storing->fetch->job);

    RA_FAILPOINT(crl_storing);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_row(tx, &stored, "SELECT number AS number, this_update AS this_update, sha256 AS sha256 FROM ca_crls WHERE issuer_sha256 = ? FOR UPDATE",
                        RA_VALUES(key));
    if (status != APR_SUCCESS && status != APR_ENOENT) {
        return status;
    }
    if (stored && strcmp(ra_json_get_string(stored, "sha256"), ra_hex(ra_bytes_of(crl->sha256, RA_SHA256_BYTES), tx->pool)) == 0) {
        return APR_SUCCESS;
    }
    storing->refusal = reason_against(crl, stored);
    if (storing->refusal) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(tx, NULL,
                           "INSERT INTO ca_crls (issuer, issuer_sha256, number, this_update, next_update, entries, sha256, fetched_at)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE number = VALUES(number), this_update = VALUES(this_update),"
                           " next_update = VALUES(next_update), entries = VALUES(entries), sha256 = VALUES(sha256), fetched_at = VALUES(fetched_at)",
                           RA_VALUES(ra_v_text(crl->issuer), key, ra_v_text(crl->number), ra_v_time(crl->this_update), ra_v_time(crl->next_update),
                                     ra_v_int(crl->count), ra_v_hash(crl->sha256)));
    return status == APR_SUCCESS ? write_parts(tx, crl) : status;
}

static const char *check_times(const ra_crl_t *crl)
{
    return crl->this_update > apr_time_now() + CLOCK_SKEW ? "it is dated in the future" : NULL;
}

/* What a list says stays true when its time is over; that nobody has made a new one is said all the same. */
static const char *staleness(const ra_crl_t *crl)
{
    return crl->next_update && crl->next_update < apr_time_now() ? "it is out of date: its nextUpdate is over" : NULL;
}

static const char *take_crl(fetch_t *fetch)
{
    ra_result_t *result = ra_result_make(fetch->pool);
    ra_bytes_t body;
    const ra_crl_t *crl;
    storing_t storing = {fetch, NULL, NULL};
    const char *failure = get(&body, fetch);

    if (!failure && ra_crl_open(&crl, body, fetch->ra->settings->certificate_trust, result, fetch->pool) != APR_SUCCESS) {
        failure = apr_pstrcat(fetch->pool, "refused: ", result->log_detail, NULL);
    }
    if (!failure) {
        failure = check_times(crl);
    }
    if (failure) {
        return failure;
    }
    RA_FAILPOINT(crl_fetched);
    storing.crl = crl;
    if (ra_store_run(fetch->ra->store, RA_TX_WRITE, store_crl, &storing, result, fetch->pool) != APR_SUCCESS) {
        return "cannot be stored";
    }
    if (storing.refusal) {
        return apr_pstrcat(fetch->pool, "refused: ", storing.refusal, NULL);
    }
    if (ra_ca_status_follow(fetch->ra, fetch->job, crl, result, fetch->pool) != APR_SUCCESS) {
        return apr_psprintf(fetch->pool, "cannot be followed now: %.200s", result->log_detail ? result->log_detail : "-");
    }
    RA_FAILPOINT(crl_followed);
    return staleness(crl);
}

/* --- the CA's certificates -------------------------------------------------------------------------------------- */

typedef struct certificates_t {
    const ra_t *ra;
    apr_array_header_t *certs; /* of ra_cert_t * */
} certificates_t;

static apr_status_t store_certificates(ra_tx_t *tx, void *baton)
{
    const certificates_t *certificates = baton;
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; status == APR_SUCCESS && i < certificates->certs->nelts; i++) {
        const ra_cert_t *cert = APR_ARRAY_IDX(certificates->certs, i, const ra_cert_t *);

        status = ra_sql_change(tx, NULL,
                               "INSERT INTO ca_certificates (sha256, subject, issuer, serial, not_before, not_after, der, fetched_at)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE fetched_at = VALUES(fetched_at)",
                               RA_VALUES(ra_v_hash(cert->sha256), ra_v_text(cert->subject.text), ra_v_text(cert->issuer.text), ra_v_text(cert->serial),
                                         ra_v_time(cert->not_before), ra_v_time(cert->not_after), ra_v_bytes(cert->der)));
    }
    return status;
}

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

/* @return NULL, or why one of them is not a certificate of a CA that we trust */
static const char *add_certificate(certificates_t *certificates, ra_bytes_t der, const char *pem, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_cert_t *cert;
    apr_status_t status = pem ? ra_cert_parse_pem(&cert, pem, result, pool) : ra_cert_parse(&cert, der, result, pool);

    if (status == APR_SUCCESS) {
        status = ra_trust_verify(certificates->ra->settings->certificate_trust, cert, apr_time_now(), result);
    }
    if (status != APR_SUCCESS) {
        return apr_pstrcat(pool, "refused: ", result->log_detail, NULL);
    }
    if (!cert->is_ca) {
        return "refused: a certificate of it is not a CA's";
    }
    APR_ARRAY_PUSH(certificates->certs, const ra_cert_t *) = cert;
    return NULL;
}

/* One certificate in DER, or any number in PEM, one after the other. */
static const char *read_certificates(certificates_t *certificates, ra_bytes_t body, apr_pool_t *pool)
{
    const char *text = apr_pstrmemdup(pool, (const char *)body.data, body.len), *at = strstr(text, PEM_BEGIN), *failure = NULL;

    if (!at) {
        return add_certificate(certificates, body, NULL, pool);
    }
    for (; at && !failure; at = strstr(at, PEM_BEGIN)) {
        const char *end = strstr(at, PEM_END);

        if (!end) {
            return "refused: the PEM text is cut off";
        }
        end += strlen(PEM_END);
        failure = add_certificate(certificates, ra_bytes_of(NULL, 0), apr_pstrmemdup(pool, at, (apr_size_t)(end - at)), pool);
        at = end;
    }
    return failure;
}

static const char *take_certificates(fetch_t *fetch)
{
    certificates_t certificates = {fetch->ra, apr_array_make(fetch->pool, 4, sizeof(const ra_cert_t *))};
    ra_bytes_t body;
    const char *failure = get(&body, fetch);

    if (!failure) {
        failure = read_certificates(&certificates, body, fetch->pool);
    }
    if (failure) {
        return failure;
    }
    return ra_store_run(fetch->ra->store, RA_TX_WRITE, store_certificates, &certificates, ra_result_make(fetch->pool), fetch->pool) == APR_SUCCESS
               ? NULL
               : "cannot be stored";
}

/* --- the job ---------------------------------------------------------------------------------------------------- */

static void run_source(ra_t *ra, const ra_job_t *job, const source_t *source, const char *(*take)(fetch_t *fetch), apr_pool_t *pool)
{
    fetch_t fetch = {.ra = ra, .job = job, .source = source};

    if (!source->url) {
        return;
    }
    apr_pool_create(&fetch.pool, pool);
    apr_pool_tag(fetch.pool, "ra_ca_status");
    fetch.failure = take(&fetch);
    note_outcome(&fetch);
    apr_pool_destroy(fetch.pool);
    if (fetch.size > LARGE_BYTES) {
        ra_memory_trim();
    }
}

ra_job_verdict_e ra_ca_status_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    ra_t *ra = context;
    source_t certificates = {"ca_certificates", "the certificates", ra->settings->upstream_ca_certificates, RA_CA_CERTIFICATES_MAX_BYTES};
    source_t crl = {"crl", "the CRL", ra->settings->upstream_crl, ra->settings->upstream_crl_max};

    (void)later;
    run_source(ra, job, &certificates, take_certificates, pool);
    run_source(ra, job, &crl, take_crl, pool);
    return RA_JOB_DONE;
}

/* --- showing ---------------------------------------------------------------------------------------------------- */

apr_status_t ra_ca_crl_read(ra_bytes_t *pder, ra_json_t **pcrl, const ra_act_t *act)
{
    apr_pool_t *pool = act->tx->pool;
    ra_json_t *rows;
    ra_bytes_t data;
    apr_array_header_t *parts = apr_array_make(pool, 8, sizeof(ra_bytes_t));
    apr_size_t total = 0;
    unsigned char *der;
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      "SELECT issuer_sha256 AS issuer_sha256, sha256 AS sha256, this_update AS this_update, next_update AS next_update"
                                      " FROM ca_crls ORDER BY this_update DESC LIMIT 1", RA_NO_VALUES);

    *pcrl = NULL;
    if (status != APR_SUCCESS || ra_json_size(rows) == 0) {
        return status == APR_SUCCESS ? APR_ENOENT : status;
    }
    for (int part = 0; status == APR_SUCCESS; part++) {
        status = ra_sql_bytes(act->tx, &data, "SELECT data FROM ca_crl_parts WHERE issuer_sha256 = UNHEX(?) AND part = ?",
                              RA_VALUES(ra_v_text(ra_json_get_string(ra_json_first(rows), "issuer_sha256")), ra_v_int(part)));
        if (status == APR_SUCCESS) {
            APR_ARRAY_PUSH(parts, ra_bytes_t) = data;
            total += data.len;
        }
    }
    if (status != APR_ENOENT) {
        return status;
    }
    der = apr_palloc(pool, total + 1);
    total = 0;
    for (int i = 0; i < parts->nelts; i++) {
        data = APR_ARRAY_IDX(parts, i, ra_bytes_t);
        memcpy(der + total, data.data, data.len);
        total += data.len;
    }
    *pder = ra_bytes_of(der, total);
    *pcrl = ra_json_merge_patch(ra_json_first(rows), ra_json_object_make(pool), pool);
    return APR_SUCCESS;
}

apr_status_t ra_ca_certificate_list(ra_json_t **pitems, const ra_act_t *act)
{
    ra_json_t *rows;
    ra_bytes_t der;
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      "SELECT subject AS subject, issuer AS issuer, serial AS serial, not_before AS not_before, not_after AS not_after,"
                                      " sha256 AS sha256, der AS `der:b64` FROM ca_certificates ORDER BY not_before, sha256", RA_NO_VALUES);

    *pitems = ra_json_array_make(act->tx->pool);
    for (const ra_json_t *row = status == APR_SUCCESS ? ra_json_first(rows) : NULL; row && status == APR_SUCCESS; row = ra_json_next(row)) {
        ra_json_t *item = ra_json_add_object(*pitems);

        status = ra_base64url_decode(&der, ra_json_get_string(row, "der"), act->tx->pool);
        for (const ra_json_t *member = ra_json_first(row); member; member = ra_json_next(member)) {
            ra_json_set_copy(item, ra_json_name(member), member);
        }
        ra_json_remove(item, "der");
        ra_json_set_string(item, "pem", status == APR_SUCCESS ? ra_cert_pem(der, act->tx->pool) : NULL);
    }
    return status;
}

apr_status_t ra_ca_status_gauge(ra_ca_gauge_t *gauge, ra_tx_t *tx)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT COALESCE((SELECT TIMESTAMPDIFF(SECOND, MAX(this_update), UTC_TIMESTAMP()) FROM ca_crls), -1) AS crl_age,"
                                     " (SELECT COUNT(*) FROM ca_sources WHERE failure IS NOT NULL) > 0"
                                     " OR COALESCE((SELECT MAX(next_update) < UTC_TIMESTAMP() FROM ca_crls), 0) AS is_stale,"
                                     " (SELECT COUNT(*) FROM ca_disagreements WHERE is_open = 1) AS disagreements", RA_NO_VALUES);

    if (status == APR_SUCCESS) {
        gauge->crl_age = ra_json_get_int(row, "crl_age", -1);
        gauge->is_stale = ra_json_get_int(row, "is_stale", 1);
        gauge->disagreements = ra_json_get_int(row, "disagreements", 0);
    }
    return status;
}
