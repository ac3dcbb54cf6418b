/*
 * Reading an application and moving it: engine, compare-and-set, history.
 * Layer: business. Thread rule: as its transaction.
 */
#include "business/application/application.h"

#include "base/failpoint.h"

#include <apr_strings.h>
#include <string.h>

static const char read_sql[] =
    "SELECT a.id AS id, a.number AS number, a.business AS business, a.kind AS kind, a.cert_usage AS cert_usage, a.state AS state,"
    " a.version AS version, a.subscriber_id AS subscriber_id, a.subject_name AS subject_name, a.subject_key AS subject_key,"
    " a.validity_years AS validity_years, a.note AS note, a.particulars AS `particulars:json`,"
    " a.target_certificate_id AS target_certificate_id, a.operated_by AS operation_by, a.registered_by AS registration_by, a.region AS region, a.agency_id AS agency_id, g.name AS agency_name,"
    " a.social_security_no AS social_security_no, a.applicant AS `applicant:json`, a.personal_sealed AS `personal_sealed:b64`,"
    " a.submitted_by AS submitted_by, s.name AS submitted_by_name, s.kind AS submitted_by_kind, a.agency_by AS agency_decision_by,"
    " a.accepted_by AS acceptance_by, a.entered_by AS entry_by, a.reviewed_by AS review_by, a.produced_by AS production_by,"
    " a.handed_by AS handover_by, a.archived_by AS archive_by, a.completed_by AS completion_by, a.steps AS `steps:json`,"
    " a.rejection AS `rejection:json`, a.snapshot AS snapshot, a.snapshot_sha256 AS snapshot_sha256,"
    " a.operation_id AS operation_id, a.certificate_id AS certificate_id, a.created_at AS created_at, a.updated_at AS updated_at,"
    " UTC_TIMESTAMP(6) AS now"
    " FROM applications a JOIN agencies g ON g.id = a.agency_id LEFT JOIN principals s ON s.id = a.submitted_by WHERE a.id = ?";

static const char move_sql[] =
    "UPDATE applications SET state = ?, version = version + 1, agency_by = ?, accepted_by = ?, entered_by = ?, reviewed_by = ?,"
    " produced_by = ?, operated_by = ?, handed_by = ?, registered_by = ?, archived_by = ?, completed_by = ?, steps = ?, rejection = ?, snapshot = ?,"
    " snapshot_sha256 = UNHEX(?), operation_id = ?, certificate_id = ?, updated_at = ?, closed_at = IF(?, ?, NULL)"
    " WHERE id = ? AND version = ? AND state = ?";

static const char history_sql[] =
    "INSERT INTO application_history (application_id, seq, at, step, outcome, state_before, state_after, actor_id, actor_name,"
    " actor_kind, reason, guidance, changes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static void read_hands(ra_application_t *application, const ra_json_t *row, apr_pool_t *pool)
{
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        const char *column = apr_pstrcat(pool, ra_step_name((ra_step_e)i), "_by", NULL);

        application->hands[i] = ra_json_get_string(row, column);
    }
}

static void read_row(ra_application_t *application, ra_json_t *row, apr_pool_t *pool)
{
    application->id = ra_json_get_string(row, "id");
    application->number = ra_json_get_string(row, "number");
    application->business = ra_business_find(ra_json_get_string(row, "business"));
    application->kind = ra_kind_of(ra_json_get_string(row, "kind"));
    application->usage = ra_json_get_string(row, "cert_usage");
    application->state = ra_state_of(ra_json_get_string(row, "state"));
    application->version = ra_json_get_int(row, "version", 0);
    application->subscriber_id = ra_json_get_string(row, "subscriber_id");
    application->subject_name = ra_json_get_string(row, "subject_name");
    application->subject_key = ra_json_get_string(row, "subject_key");
    application->validity_years = (int)ra_json_get_int(row, "validity_years", 0);
    application->note = ra_json_get_string(row, "note");
    application->particulars = ra_json_get(row, "particulars");
    application->target_id = ra_json_get_string(row, "target_certificate_id");
    application->region = ra_json_get_string(row, "region");
    application->agency_id = ra_json_get_string(row, "agency_id");
    application->agency_name = ra_json_get_string(row, "agency_name");
    application->social_security_no = ra_json_get_string(row, "social_security_no");
    application->applicant = ra_json_get(row, "applicant");
    application->submitted_by = ra_json_get_string(row, "submitted_by");
    application->submitted_by_name = ra_json_get_string(row, "submitted_by_name");
    application->submitted_by_kind = ra_json_get_string(row, "submitted_by_kind");
    application->steps = ra_json_get_mutable(row, "steps");
    application->rejection = ra_json_get_mutable(row, "rejection");
    application->snapshot = ra_json_get_string(row, "snapshot");
    application->snapshot_sha256 = ra_json_get_string(row, "snapshot_sha256");
    application->operation_id = ra_json_get_string(row, "operation_id");
    application->certificate_id = ra_json_get_string(row, "certificate_id");
    application->created_at = ra_json_get_string(row, "created_at");
    application->updated_at = ra_json_get_string(row, "updated_at");
    application->now = ra_json_get_string(row, "now");
    read_hands(application, row, pool);
}

apr_status_t ra_application_read(ra_application_t **papplication, const ra_act_t *act, const char *id)
{
    ra_application_t *application = apr_pcalloc(act->tx->pool, sizeof(*application));
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, read_sql, RA_VALUES(ra_v_uuid(id)));

    *papplication = NULL;
    if (status != APR_SUCCESS) {
        return status;
    }
    read_row(application, row, act->tx->pool);
    if (!application->business || application->state == RA_STATE_UNKNOWN ||
        ra_base64url_decode(&application->personal_sealed, ra_json_get_string(row, "personal_sealed"), act->tx->pool)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "an application row names a business or state that this build does not have");
    }
    *papplication = application;
    return APR_SUCCESS;
}

apr_status_t ra_application_open(ra_application_t **papplication, const ra_act_t *act, const char *id, ra_roles_t roles)
{
    apr_status_t status = ra_application_read(papplication, act, id);
    ra_sight_t sight = ra_principal_sight(act->who, roles, act->tx->pool);

    if (status == APR_ENOENT ||
        (status == APR_SUCCESS &&
         !ra_sight_allows(&sight, (*papplication)->region, (*papplication)->agency_id, (*papplication)->submitted_by))) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    return status;
}

static ra_case_t case_of(const ra_application_t *application)
{
    ra_case_t subject = {
        .business = application->business,
        .state = application->state,
        .rejected_step = ra_step_of(ra_json_get_string(application->rejection, "step")),
        .submitted_by = application->submitted_by,
        .agency_id = application->agency_id,
    };

    memcpy(subject.hands, application->hands, sizeof(subject.hands));
    return subject;
}

int ra_application_can(const ra_act_t *act, const ra_application_t *application, ra_action_e action)
{
    ra_case_t subject = case_of(application);
    ra_actor_t actor = ra_principal_actor_in(act->who, application->region);
    ra_move_t move;

    return ra_lifecycle_move(&move, &subject, &actor, action, RA_DECISION_YES);
}

/* What this caller may do now, for people to read: "review, withdrawal". */
static const char *possible_now(const ra_act_t *act, const ra_application_t *application)
{
    const char *text = "";

    for (int action = 0; action < RA_ACTION_COUNT; action++) {
        if (ra_application_can(act, application, (ra_action_e)action)) {
            text = apr_pstrcat(act->tx->pool, text, *text ? ", " : "", ra_action_name((ra_action_e)action), NULL);
        }
    }
    return *text ? text : "-";
}

static apr_status_t refuse_move(const ra_act_t *act, const ra_application_t *application, ra_action_e action, const ra_move_t *move)
{
    ra_result_t *result = act->tx->result;

    ra_result_param(result, "step", ra_action_name(action));
    ra_result_param(result, "state", ra_state_name(application->state));
    ra_result_param(result, "other", ra_step_name(move->other));
    ra_result_param(result, "possible", possible_now(act, application));
    ra_result_param(result, "needed", ra_rights_text(move->roles, move->scopes, act->tx->pool));
    return ra_refuse(result, move->problem, ra_action_name(action));
}

apr_status_t ra_application_may(const ra_act_t *act, const ra_application_t *application, ra_action_e action, ra_decision_e decision)
{
    ra_case_t subject = case_of(application);
    ra_actor_t actor = ra_principal_actor_in(act->who, application->region);
    ra_move_t move;

    return ra_lifecycle_move(&move, &subject, &actor, action, decision) ? APR_SUCCESS
                                                                         : refuse_move(act, application, action, &move);
}

/* The record of a step, as the API shows it. */
static void keep_record(const ra_act_t *act, ra_application_t *application, const char *name, const ra_json_t *record)
{
    ra_json_t *kept = ra_json_set_object(application->steps, name);
    ra_json_t *by;

    for (const ra_json_t *member = ra_json_first(record); member; member = ra_json_next(member)) {
        ra_json_set_copy(kept, ra_json_name(member), member);
    }
    if (act->who) {
        by = ra_json_set_object(kept, "by");
        ra_json_set_string(by, "id", act->who->id);
        ra_json_set_string(by, "name", act->who->name);
    }
    ra_json_set_string(kept, "at", application->now);
}

/* Forgets what a step and all steps after it settled: they must be done anew. */
static void cancel_from(ra_application_t *application, ra_step_e step)
{
    for (int i = step; i < RA_STEP_COUNT; i++) {
        application->hands[i] = NULL;
        ra_json_remove(application->steps, ra_step_name((ra_step_e)i));
    }
    if (step <= RA_STEP_PRODUCTION) {
        ra_json_remove(application->steps, "codes");
    }
    if (step <= RA_STEP_ENTRY) {
        application->snapshot = NULL;
        application->snapshot_sha256 = NULL;
    }
}

static void note_rejection(const ra_act_t *act, ra_application_t *application, const ra_step_t *step)
{
    ra_json_t *rejection = ra_json_object_make(act->tx->pool);
    ra_json_t *by = ra_json_set_object(rejection, "by");

    ra_json_set_string(rejection, "step", ra_action_name(step->action));
    ra_json_set_string(rejection, "reason", step->reason);
    ra_json_set_string(rejection, "guidance", step->guidance);
    ra_json_set_string(rejection, "at", application->now);
    ra_json_set_string(by, "id", act->who->id);
    ra_json_set_string(by, "name", act->who->name);
    application->rejection = rejection;
}

/* Hands and records that the act changes, in memory. */
static void apply(const ra_act_t *act, ra_application_t *application, const ra_step_t *step)
{
    if (step->decision == RA_DECISION_NO) {
        note_rejection(act, application, step);
        return;
    }
    if (step->action == RA_ACTION_EDIT) {
        cancel_from(application, RA_STEP_AGENCY_DECISION);
    } else if ((int)step->action < RA_ACTION_STEPS && (ra_step_e)step->action != RA_STEP_PRODUCTION) {
        const char *snapshot = application->snapshot, *hash = application->snapshot_sha256;

        cancel_from(application, (ra_step_e)step->action);
        application->snapshot = snapshot;
        application->snapshot_sha256 = hash;
        application->hands[step->action] = act->who->id;
    } else if (step->action == RA_ACTION_CODES) {
        application->hands[RA_STEP_PRODUCTION] = act->who->id;
    }
    if (step->action != RA_ACTION_NOT_MADE) {
        application->rejection = NULL;
    }
    if (step->record) {
        keep_record(act, application, ra_action_name(step->action), step->record);
    }
}

static apr_status_t write_state(const ra_act_t *act, const ra_application_t *application, ra_state_e before)
{
    const char *const *hands = application->hands;
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(
        act->tx, &affected, move_sql,
        RA_VALUES(ra_v_text(ra_state_name(application->state)), ra_v_uuid(hands[RA_STEP_AGENCY_DECISION]), ra_v_uuid(hands[RA_STEP_ACCEPTANCE]),
                  ra_v_uuid(hands[RA_STEP_ENTRY]), ra_v_uuid(hands[RA_STEP_REVIEW]), ra_v_uuid(hands[RA_STEP_PRODUCTION]),
                  ra_v_uuid(hands[RA_STEP_OPERATION]), ra_v_uuid(hands[RA_STEP_HANDOVER]), ra_v_uuid(hands[RA_STEP_REGISTRATION]),
                  ra_v_uuid(hands[RA_STEP_ARCHIVE]), ra_v_uuid(hands[RA_STEP_COMPLETION]),
                  ra_v_json(application->steps, act->tx->pool), ra_v_json(application->rejection, act->tx->pool),
                  ra_v_text(application->snapshot), ra_v_text(application->snapshot_sha256), ra_v_uuid(application->operation_id),
                  ra_v_uuid(application->certificate_id), ra_v_rfc3339(application->now), ra_v_int(ra_state_is_closed(application->state)),
                  ra_v_rfc3339(application->now), ra_v_uuid(application->id), ra_v_int(application->version),
                  ra_v_text(ra_state_name(before))));

    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}

static apr_status_t write_history(const ra_act_t *act, const ra_application_t *application, const ra_step_t *step, const char *before)
{
    const ra_principal_t *who = step->by ? NULL : act->who;
    const char *outcome = step->outcome ? step->outcome : step->decision == RA_DECISION_NO ? "rejected" : "done";

    return ra_sql_change(act->tx, NULL, history_sql,
                         RA_VALUES(ra_v_uuid(application->id), ra_v_int(application->version), ra_v_rfc3339(application->now),
                                   ra_v_text(ra_action_name(step->action)), ra_v_text(outcome), ra_v_text(before),
                                   ra_v_text(RA_PLANTED(history_jumps) ? before : ra_state_name(application->state)), ra_v_uuid(who ? who->id : NULL),
                                   ra_v_text(who ? who->name : step->by ? step->by : RA_ITSELF),
                                   ra_v_text(!who ? "ra" : who->is_system ? "system" : "person"),
                                   ra_v_text(step->reason), ra_v_text(step->guidance), ra_v_json(step->changes, act->tx->pool)));
}

apr_status_t ra_application_move(const ra_act_t *act, ra_application_t *application, const ra_step_t *step)
{
    ra_case_t subject = case_of(application);
    ra_actor_t actor = ra_principal_actor_in(act->who, application->region);
    ra_state_e before = application->state;
    ra_move_t move;
    apr_status_t status;

    if (!ra_lifecycle_move(&move, &subject, &actor, step->action, step->decision)) {
        return refuse_move(act, application, step->action, &move);
    }
    RA_FAILPOINT(move_begin);
    apply(act, application, step);
    application->state = RA_PLANTED(approval_kept) && step->action == RA_ACTION_EDIT ? before : move.next;
    application->updated_at = application->now;
    status = write_state(act, application, before);
    if (status != APR_SUCCESS) {
        return status;
    }
    application->version++;
    RA_FAILPOINT(move_written);
    status = write_history(act, application, step, ra_state_name(before));
    RA_FAILPOINT(move_history);
    return status;
}
