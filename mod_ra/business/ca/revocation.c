/* Revocation, hold and release: queueing. The exchange with the CA is in revocation_run.c. Layer: business. */
#include "business/ca/revocation.h"

#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "business/ca/overlap.h"

#define LANE_REVOCATION 0

/* CRLReason (RFC 5280 §5.3.1) of the API's words */
static const struct {
    const char *word;
    int reason;
} reasons[] = {
    {"unspecified", 0},          {"key_compromise", 1},         {"affiliation_changed", 3}, {"superseded", 4},
    {"cessation_of_operation", 5}, {"hold", 6}, {"release", 8},
};

static int reason_of(const char *word)
{
    for (size_t i = 0; word && i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i].word, word) == 0) {
            return reasons[i].reason;
        }
    }
    return 0;
}

static const char *particular(const ra_application_t *application, const char *name)
{
    const char *value = ra_json_get_string(application->particulars, name);

    return value ? value : "";
}

static int effect_reason(const ra_application_t *application)
{
    switch (application->business->effect) {
    case RA_EFFECT_HOLD:
        return reason_of("hold");
    case RA_EFFECT_RELEASE:
        return reason_of("release");
    default:
        return reason_of(particular(application, "revocation_reason"));
    }
}

/* A lost key is out of its holder's hands; anything else is superseded, or the affiliation changed. */
static int fate_reason(const ra_application_t *application)
{
    int is_lost = application->business->fate == RA_FATE_LOST ||
                  (application->business->fate == RA_FATE_BY_CAUSE && strcmp(particular(application, "cause"), "lost") == 0);

    if (is_lost) {
        return reason_of("key_compromise");
    }
    return strcmp(particular(application, "revocation_reason"), "affiliation_changed") == 0 ? reason_of("affiliation_changed") : reason_of("superseded");
}

/* One attempt to be made. */
typedef struct wish_t {
    const char *certificate_id;
    int reason;
    const char *id; /* of the attempt, once it is queued */
} wish_t;

static apr_status_t queue(const ra_act_t *act, const ra_application_t *application, wish_t *wish, const char **pjob)
{
    unsigned char transaction[RA_UUID_BYTES];
    apr_status_t status = ra_random(transaction, sizeof(transaction));

    wish->id = ra_uuid_make(act->tx->pool);
    if (status == APR_SUCCESS) {
        status = ra_outbox_add(act->tx, "revoke", LANE_REVOCATION, wish->id, pjob);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(act->tx, NULL,
                         "INSERT INTO ca_attempts (id, kind, application_id, target_certificate_id, revocation_reason, state, transaction_id, job_id,"
                         " next_run_at, created_at, updated_at)"
                         " VALUES (?, 'revoke', ?, ?, ?, 'prepared', ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(wish->id), ra_v_uuid(application->id), ra_v_uuid(wish->certificate_id), ra_v_int(wish->reason),
                                   ra_v_bytes(ra_bytes_of(transaction, sizeof(transaction))), ra_v_uuid(*pjob)));
    RA_FAILPOINT(revocation_queued);
    /* ca_attempts_open: one at a time, so that the CA is never asked two things about a certificate whose order nobody knows */
    return status == APR_EEXIST ? ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_BUSY, NULL) : status;
}

static apr_status_t queue_effect(const ra_act_t *act, ra_application_t *application, wish_t *wish, const char **pjob)
{
    apr_status_t status = queue(act, application, wish, pjob);

    if (status == APR_SUCCESS) {
        application->operation_id = wish->id;
        status = ra_sql_change(act->tx, NULL, "UPDATE applications SET operation_id = ? WHERE id = ?",
                               RA_VALUES(ra_v_uuid(wish->id), ra_v_uuid(application->id)));
    }
    return status;
}

#define REMAINING(which) "SELECT " RA_FIRST_LEFT(which) " AS id FROM applications a WHERE a.id = ?"

/* The next certificate that is not yet as the act wishes; NULL: none. */
static apr_status_t find_remaining(const char **pid, const ra_act_t *act, const ra_application_t *application)
{
    static const char *const remaining[] = {
        [RA_EFFECT_NONE] = REMAINING(RA_LEFT_TO_REVOKE), [RA_EFFECT_REVOKE] = REMAINING(RA_LEFT_TO_REVOKE),
        [RA_EFFECT_HOLD] = REMAINING(RA_LEFT_TO_HOLD), [RA_EFFECT_RELEASE] = REMAINING(RA_LEFT_TO_RELEASE)};
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, remaining[application->business->effect], RA_VALUES(ra_v_uuid(application->id)));

    *pid = status == APR_SUCCESS ? ra_json_get_string(row, "id") : NULL;
    return status;
}

apr_status_t ra_revocation_of_effect(const ra_act_t *act, ra_application_t *application, const char **pjob)
{
    wish_t wish = {.reason = effect_reason(application)};
    apr_status_t status = find_remaining(&wish.certificate_id, act, application);

    if (!wish.certificate_id) {
        wish.certificate_id = application->target_id;
    }
    return status == APR_SUCCESS ? queue_effect(act, application, &wish, pjob) : status;
}

apr_status_t ra_revocation_continue(int *pmore, const ra_act_t *act, ra_application_t *application)
{
    wish_t wish = {.reason = effect_reason(application)};
    const char *job;
    apr_status_t status = find_remaining(&wish.certificate_id, act, application);

    *pmore = wish.certificate_id != NULL;
    return status == APR_SUCCESS && *pmore ? queue_effect(act, application, &wish, &job) : status;
}

static apr_status_t find_open_attempt(const ra_act_t *act, const char *certificate_id)
{
    apr_int64_t found;

    return ra_sql_int(act->tx, &found, "SELECT 1 FROM ca_attempts WHERE open_attempt = ?", RA_VALUES(ra_v_uuid(certificate_id)));
}

/*
 * The new certificate is here and must be stored, whatever the CA is being asked about the old one: that is revoked when the answer is known (overlap.h).
 * An attempt that began since is seen by the repetition.
 */
static apr_status_t queue_or_put_off(const ra_act_t *act, const ra_application_t *application, const char *certificate_id)
{
    wish_t wish = {.certificate_id = certificate_id, .reason = fate_reason(application)};
    const char *job;
    apr_status_t status = find_open_attempt(act, certificate_id);

    if (status != APR_ENOENT) {
        return status == APR_SUCCESS ? ra_overlap_end_soon(act, certificate_id) : status;
    }
    status = queue(act, application, &wish, &job);
    return status == RA_EREFUSED ? RA_ERETRY : status;
}

/* Both of a pair; neither waits for the other. */
static apr_status_t queue_replaced(const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows, "SELECT c.id AS id FROM applications a, " RA_MADE_TOGETHER " AND a.id = ?", RA_VALUES(ra_v_uuid(application->id)));

    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        status = queue_or_put_off(act, application, ra_json_get_string(row, "id"));
    }
    return status;
}

apr_status_t ra_revocation_of_replaced(const ra_act_t *act, ra_application_t *application)
{
    apr_status_t status;

    if (!application->target_id) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(act->tx, NULL,
                           "UPDATE certificates o JOIN certificates t ON t.application_id = o.application_id"
                           " JOIN certificates n ON n.application_id = ? AND n.cert_usage = o.cert_usage"
                           " SET o.replaced_by = n.id, o.version = o.version + 1 WHERE t.id = ?",
                           RA_VALUES(ra_v_uuid(application->id), ra_v_uuid(application->target_id)));
    if (status != APR_SUCCESS) {
        return status;
    }
    return application->business->fate == RA_FATE_KEPT ? ra_overlap_begin(act, application->target_id) : queue_replaced(act, application);
}

apr_status_t ra_revocation_of_renewed(const ra_act_t *act, const ra_application_t *application, const char *certificate_id)
{
    wish_t wish = {.certificate_id = certificate_id, .reason = fate_reason(application)};
    const char *job;

    return queue(act, application, &wish, &job);
}

apr_status_t ra_revocation_is_settled(const ra_act_t *act, const ra_application_t *application)
{
    apr_int64_t is_open = 0;
    apr_status_t status = APR_SUCCESS;

    if (application->target_id && application->business->fate != RA_FATE_KEPT) {
        status = ra_sql_int(act->tx, &is_open, "SELECT " RA_OLD_CERTIFICATE_OPEN " FROM applications a WHERE a.id = ?", RA_VALUES(ra_v_uuid(application->id)));
    }
    return status == APR_SUCCESS && is_open ? ra_refuse(act->tx->result, RA_PROBLEM_OLD_CERTIFICATE_OPEN, NULL) : status;
}
