/* Revocation, hold and release: queueing. The exchange with the CA is in revocation_run.c. Layer: business. */
#include "business/revocation.h"

#include <string.h>

#include "base/ident.h"

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

static apr_status_t queue(const ra_act_t *act, ra_application_t *application, int reason, const char **pid, const char **pjob)
{
    unsigned char transaction[RA_UUID_BYTES];
    apr_status_t status = ra_random(transaction, sizeof(transaction));

    *pid = ra_uuid_make(act->tx->pool);
    if (status == APR_SUCCESS) {
        status = ra_outbox_add(act->tx, "revoke", LANE_REVOCATION, *pid, pjob);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(act->tx, NULL,
                         "INSERT INTO ca_attempts (id, kind, application_id, target_certificate_id, revocation_reason, state, transaction_id, job_id,"
                         " next_run_at, created_at, updated_at)"
                         " VALUES (?, 'revoke', ?, ?, ?, 'prepared', ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(*pid), ra_v_uuid(application->id), ra_v_uuid(application->target_id), ra_v_int(reason),
                                   ra_v_bytes(ra_bytes_of(transaction, sizeof(transaction))), ra_v_uuid(*pjob)));
    /* ca_attempts_open: one at a time, so that the CA is never asked two things about a certificate whose order nobody knows */
    return status == APR_EEXIST ? ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_BUSY, NULL) : status;
}

apr_status_t ra_revocation_of_effect(const ra_act_t *act, ra_application_t *application, const char **pjob)
{
    const char *id;
    apr_status_t status = queue(act, application, effect_reason(application), &id, pjob);

    if (status == APR_SUCCESS) {
        application->operation_id = id;
        status = ra_sql_change(act->tx, NULL, "UPDATE applications SET operation_id = ? WHERE id = ?",
                               RA_VALUES(ra_v_uuid(id), ra_v_uuid(application->id)));
    }
    return status;
}

apr_status_t ra_revocation_of_replaced(const ra_act_t *act, ra_application_t *application)
{
    const char *id, *job;
    apr_status_t status;

    if (!application->target_id) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(act->tx, NULL, "UPDATE certificates SET replaced_by = ?, version = version + 1 WHERE id = ?",
                           RA_VALUES(ra_v_uuid(application->certificate_id), ra_v_uuid(application->target_id)));
    return status == APR_SUCCESS && application->business->fate != RA_FATE_KEPT ? queue(act, application, fate_reason(application), &id, &job) : status;
}

apr_status_t ra_revocation_is_settled(const ra_act_t *act, const ra_application_t *application)
{
    apr_int64_t is_revoked = 1;
    apr_status_t status = APR_SUCCESS;

    if (application->target_id && application->business->fate != RA_FATE_KEPT) {
        status = ra_sql_int(act->tx, &is_revoked, "SELECT revoked_at IS NOT NULL FROM certificates WHERE id = ?",
                            RA_VALUES(ra_v_uuid(application->target_id)));
    }
    return status == APR_SUCCESS && !is_revoked ? ra_refuse(act->tx->result, RA_PROBLEM_OLD_CERTIFICATE_OPEN, NULL) : status;
}
