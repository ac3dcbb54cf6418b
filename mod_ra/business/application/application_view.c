/* Applications as the API shows them: one, its form, lists, history. Layer: business. */
#include <apr_strings.h>
#include <string.h>

#include "business/application/application_form.h"

/* The subscriber of the form with its personal identifiers back in place. */
static apr_status_t add_subscriber(ra_json_t *parent, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *personal, *subscriber, *contact, *document;
    apr_status_t status = ra_form_personal(&personal, act, application);

    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_copy(parent, "subscriber", application->applicant);
    subscriber = ra_json_get_mutable(parent, "subscriber");
    contact = ra_json_get_mutable(subscriber, "contact");
    document = ra_json_get_mutable(subscriber, "id_document");
    ra_json_set_string(contact, "phone", ra_json_get_string(personal, "phone"));
    ra_json_set_string(contact, "email", ra_json_get_string(personal, "email"));
    if (document) {
        ra_json_set_string(document, "number", ra_json_get_string(personal, "id_number"));
    }
    return APR_SUCCESS;
}

apr_status_t ra_application_form(ra_json_t **pform, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *form = ra_json_object_make(act->tx->pool);

    *pform = form;
    ra_json_set_string(form, "business", application->business->name);
    ra_json_set_string(form, "kind", ra_kind_name(application->kind));
    ra_json_set_string(form, "usage", application->usage);
    ra_json_set_string(form, "subject_name", application->subject_name);
    ra_json_set_int(form, "validity_years", application->validity_years);
    ra_json_set_string(form, "note", application->note);
    ra_json_set_string(form, "certificate_id", application->target_id);
    for (const ra_json_t *member = ra_json_first(application->particulars); member; member = ra_json_next(member)) {
        ra_json_set_copy(form, ra_json_name(member), member);
    }
    return add_subscriber(form, act, application);
}

static void add_next_steps(ra_json_t *json, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *names = ra_json_set_array(json, "next_steps");

    for (int action = 0; act->who && action < RA_ACTION_COUNT; action++) {
        if (ra_application_can(act, application, (ra_action_e)action)) {
            ra_json_add_string(names, ra_action_name((ra_action_e)action));
        }
    }
}

/* The part that is in the database as it is shown. */
static void add_facts(ra_json_t *json, const ra_application_t *application)
{
    ra_json_t *by;

    ra_json_set_string(json, "id", application->id);
    ra_json_set_string(json, "number", application->number);
    ra_json_set_string(json, "state", ra_state_name(application->state));
    ra_json_set_string(json, "region", application->region);
    by = ra_json_set_object(json, "submitted_by");
    ra_json_set_string(by, "id", application->submitted_by);
    ra_json_set_string(by, "name", application->submitted_by ? application->submitted_by_name : RA_ITSELF);
    ra_json_set_string(by, "kind", application->submitted_by ? application->submitted_by_kind : "ra");
    ra_json_set_copy(json, "steps", application->steps);
    ra_json_set_copy(json, "rejection", application->rejection);
    ra_json_set_string(json, "snapshot_sha256", application->snapshot_sha256);
    ra_json_set_string(json, "operation_id", application->operation_id);
    ra_json_set_string(json, "certificate_id", application->certificate_id);
    ra_json_set_int(json, "version", application->version);
    ra_json_set_string(json, "created_at", application->created_at);
    ra_json_set_string(json, "updated_at", application->updated_at);
}

apr_status_t ra_application_json(ra_json_t **pjson, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *json, *subscriber, *agency, *snapshot;
    ra_json_error_t error;
    apr_status_t status = ra_application_form(&json, act, application);

    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_remove(json, "certificate_id");
    add_facts(json, application);
    ra_json_set_string(json, "target_certificate_id", application->target_id);
    subscriber = ra_json_get_mutable(json, "subscriber");
    ra_json_set_string(subscriber, "id", application->subscriber_id);
    ra_json_remove(subscriber, "agency_id");
    agency = ra_json_set_object(subscriber, "agency");
    ra_json_set_string(agency, "id", application->agency_id);
    ra_json_set_string(agency, "name", application->agency_name);
    if (application->snapshot &&
        ra_json_parse(&snapshot, application->snapshot, strlen(application->snapshot), &ra_json_limits_request, &error,
                      act->tx->pool) == APR_SUCCESS) {
        ra_json_set_copy(json, "snapshot", snapshot);
    }
    add_next_steps(json, act, application);
    *pjson = json;
    return APR_SUCCESS;
}

#define SUMMARY                                                                                                        \
    "SELECT id AS id, number AS number, business AS business, kind AS kind, cert_usage AS `usage`, state AS state,"    \
    " subject_name AS subject_name, region AS region, subscriber_id AS `subscriber.id`,"                               \
    " JSON_VALUE(applicant, '$.name') AS `subscriber.name`, social_security_no AS `subscriber.social_security_no`,"    \
    " version AS version, created_at AS created_at, updated_at AS updated_at FROM applications a WHERE "

const char *ra_application_conditions(const ra_application_filter_t *filter, ra_value_t *values, int *pcount, apr_pool_t *pool)
{
    const ra_clause_t conditions[RA_APPLICATION_CONDITIONS] = {
        {" AND state = ?", ra_v_text(filter->state)},
        {" AND business = ?", ra_v_text(filter->business)},
        {" AND kind = ?", ra_v_text(filter->kind)},
        {ra_region_clause(filter->region), ra_v_text(filter->region)},
        {" AND number = ?", ra_v_text(filter->number)},
        {" AND subject_key = ?", ra_v_text(filter->subject_name)},
        {" AND social_security_no = ?", ra_v_text(filter->social_security_no)},
        {" AND id < ?", ra_v_uuid(filter->before_id)},
    };

    return RA_CLAUSES(values, pcount, conditions, pool);
}

/* The statement is put together from the constants above only; every value is bound. */
apr_status_t ra_application_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter)
{
    ra_value_t values[RA_SIGHT_VALUES + RA_APPLICATION_CONDITIONS + 1];
    ra_values_t bound = {values, 0};
    const char *seen = ra_sight_clause(sight, values, &bound.count);
    const char *conditions = ra_application_conditions(filter, values, &bound.count, act->tx->pool);

    values[bound.count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, apr_pstrcat(act->tx->pool, SUMMARY, seen, conditions, " ORDER BY id DESC LIMIT ?", NULL), bound);
}

apr_status_t ra_application_history(ra_json_t **pitems, const ra_act_t *act, const char *id)
{
    return ra_sql_rows(act->tx, pitems,
                       "SELECT seq AS seq, at AS at, step AS step, outcome AS outcome, state_before AS state_before, state_after AS state_after,"
                       " actor_id AS `actor.id`, actor_name AS `actor.name`, actor_kind AS `actor.kind`, reason AS reason,"
                       " guidance AS guidance, changes AS `changes:json` FROM application_history WHERE application_id = ? ORDER BY seq",
                       RA_VALUES(ra_v_uuid(id)));
}
