/* See settlement.h. What an outcome means for a kind of attempt is with that kind: enrolment.c, revocation_run.c. Layer: business. */
#include "business/ca/settlement.h"

#include <string.h>

#include "business/ca/production.h"
#include "business/ca/revocation.h"

/* The CA has not issued: the application waits for production again. */
static apr_status_t not_issued(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement)
{
    ra_act_t ra_itself = {act->ra, act->tx, NULL};
    ra_step_t step = {.action = RA_ACTION_NOT_MADE, .outcome = "settled", .reason = settlement->evidence};
    apr_status_t status = ra_sql_change(act->tx, NULL, "UPDATE ca_attempts SET state = 'settled', version = version + 1 WHERE id = ?",
                                        RA_VALUES(ra_v_uuid(settlement->id)));

    return status == APR_SUCCESS ? ra_application_move(&ra_itself, application, &step) : status;
}

/* The certificate is stored, and the CA, which did not hear so, lets it stand all the same. */
static apr_status_t confirmed(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement)
{
    (void)application;
    return ra_sql_change(act->tx, NULL, "UPDATE ca_attempts SET confirmed_at = UTC_TIMESTAMP(6), reason_text = ?, version = version + 1 WHERE id = ?",
                         RA_VALUES(ra_v_text(settlement->evidence), ra_v_uuid(settlement->id)));
}

static const struct {
    const char *outcome;
    const char *kind;  /* of the attempt */
    const char *state; /* that it must be in; "issued" only while its confirmation is not acknowledged */
    apr_status_t (*write)(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement);
} outcomes[] = {
    {"not_issued", "enrol", "unknown", not_issued},
    {"issued", "enrol", "unknown", ra_enrolment_adopt},
    {"confirmed", "enrol", "issued", confirmed},
    {"done", "revoke", "unknown", ra_revocation_was_done},
    {"not_done", "revoke", "unknown", ra_revocation_was_not_done},
};
#define OUTCOMES ((int)(sizeof(outcomes) / sizeof(outcomes[0])))

static int find(const char *outcome, const char *kind)
{
    for (int i = 0; i < OUTCOMES; i++) {
        if (strcmp(outcomes[i].outcome, outcome) == 0 && strcmp(outcomes[i].kind, kind) == 0) {
            return i;
        }
    }
    return -1;
}

static apr_status_t refuse_outcome(const ra_act_t *act, const char *kind)
{
    ra_result_violation_param(act->tx->result, "/outcome", RA_VIOLATION_NOT_IN_LIST, "allowed",
                              strcmp(kind, "enrol") == 0 ? "issued, not_issued, confirmed" : "done, not_done");
    return ra_refuse(act->tx->result, RA_PROBLEM_BODY_INVALID, NULL);
}

/* Who has a hand in the case does not judge what became of it: neither who entered, nor who reviewed, nor who drew the codes (§18.1). */
static apr_status_t check_apart(const ra_act_t *act, const ra_application_t *application)
{
    static const ra_step_e steps[] = {RA_STEP_ENTRY, RA_STEP_REVIEW, RA_STEP_PRODUCTION};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const char *hand = application->hands[steps[i]];

        if (hand && strcmp(hand, act->who->id) == 0) {
            ra_result_param(act->tx->result, "step", "settlement");
            ra_result_param(act->tx->result, "other", ra_step_name(steps[i]));
            return ra_refuse(act->tx->result, RA_PROBLEM_SEPARATION_OF_DUTY, NULL);
        }
    }
    return APR_SUCCESS;
}

/* Not while a run is under way, whose answer may come at this moment; afterwards no run has the attempt's version or the job's lease. */
static apr_status_t take_over(const ra_act_t *act, const ra_settlement_t *settlement, const char *state, apr_int64_t version)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(act->tx, &affected,
                                        "UPDATE ca_attempts SET reason_outcome = 'settled', version = version + 1, updated_at = UTC_TIMESTAMP(6),"
                                        " next_run_at = NULL WHERE id = ? AND version = ? AND state = ? AND confirmed_at IS NULL AND NOT EXISTS"
                                        " (SELECT 1 FROM outbox_jobs j WHERE j.id = ca_attempts.job_id AND j.lease_until > UTC_TIMESTAMP(6))",
                                        RA_VALUES(ra_v_uuid(settlement->id), ra_v_int(version), ra_v_text(state)));

    if (status == APR_SUCCESS && affected != 1) {
        return ra_refuse(act->tx->result, RA_PROBLEM_OPERATION_NOT_UNKNOWN, NULL);
    }
    return status == APR_SUCCESS ? ra_outbox_end(act->tx, settlement->job_id) : status;
}

apr_status_t ra_settlement_write(const ra_act_t *act, const char *id, apr_int64_t version, const ra_json_t *body)
{
    ra_settlement_t settlement = {.id = id, .evidence = ra_json_get_string(body, "evidence"), .certificate = ra_json_get_string(body, "certificate")};
    ra_application_t *application;
    ra_json_t *row;
    int which = -1;
    apr_status_t status = ra_sql_row(act->tx, &row,
                                     "SELECT kind AS kind, application_id AS application_id, job_id AS job_id FROM ca_attempts WHERE id = ?",
                                     RA_VALUES(ra_v_uuid(id)));

    if (status == APR_SUCCESS) {
        settlement.job_id = ra_json_get_string(row, "job_id");
        which = find(ra_json_get_string(body, "outcome"), ra_json_get_string(row, "kind"));
        status = which < 0 ? refuse_outcome(act, ra_json_get_string(row, "kind")) : take_over(act, &settlement, outcomes[which].state, version);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_read(&application, act, ra_json_get_string(row, "application_id"));
    }
    if (status == APR_SUCCESS) {
        status = check_apart(act, application);
    }
    return status == APR_SUCCESS ? outcomes[which].write(act, application, &settlement) : status;
}
