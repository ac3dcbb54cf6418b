/* Administration: offices, agencies, people, business systems. People and systems share their handlers. Layer: api. */
#include "business/people/directory.h"

#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"

typedef apr_status_t (*place_list_fn)(ra_json_t **, const ra_act_t *, const char *, int);
typedef apr_status_t (*place_add_fn)(ra_json_t **, const ra_act_t *, const ra_json_t *);

static apr_status_t list_places(ra_call_t *call, place_list_fn list)
{
    const char *before;
    ra_json_t *items;
    int limit = ra_call_limit(call);
    apr_status_t status = ra_call_cursor(call, &before);

    if (status == APR_SUCCESS) {
        status = list(&items, &call->act, before, limit);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, limit);
    }
    return status;
}

static apr_status_t create_place(ra_call_t *call, place_add_fn add, const char *type)
{
    apr_status_t status = add(&call->answer, &call->act, call->body);

    if (status == APR_SUCCESS) {
        call->status = 201;
        call->object_type = type;
        call->object_id = ra_json_get_string(call->answer, "id");
    }
    return status;
}

apr_status_t ra_list_offices(ra_call_t *call)
{
    return list_places(call, ra_office_list);
}

apr_status_t ra_create_office(ra_call_t *call)
{
    return create_place(call, ra_office_add, "office");
}

apr_status_t ra_list_agencies(ra_call_t *call)
{
    return list_places(call, ra_agency_list);
}

apr_status_t ra_create_agency(ra_call_t *call)
{
    return create_place(call, ra_agency_add, "agency");
}

/* --- people and systems ----------------------------------------------------------------------------------------- */

static ra_principal_kind_e kind_of(const ra_call_t *call)
{
    return strncmp(call->operation->path, "/systems", 8) == 0 ? RA_PRINCIPAL_SYSTEM : RA_PRINCIPAL_PERSON;
}

apr_status_t ra_list_principals(ra_call_t *call)
{
    ra_directory_filter_t filter = {kind_of(call), ra_call_text(call, "office_id"), ra_call_text(call, "q"), NULL, ra_call_limit(call)};
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS) {
        status = ra_directory_list(&items, &call->act, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

/* The principal as it is now is the answer of every reading and change. */
static apr_status_t answer_principal(ra_call_t *call, const char *id)
{
    apr_status_t status = ra_directory_get(&call->answer, &call->act, kind_of(call), id);

    if (status == APR_SUCCESS) {
        call->version = ra_json_get_int(call->answer, "version", 0);
        call->object_type = kind_of(call) == RA_PRINCIPAL_SYSTEM ? "system" : "person";
        call->object_id = id;
    }
    return status;
}

apr_status_t ra_create_principal(ra_call_t *call)
{
    const char *id;
    apr_status_t status = ra_directory_add(&id, &call->act, kind_of(call), call->body);

    if (status != APR_SUCCESS) {
        return status;
    }
    call->status = 201;
    call->location = apr_pstrcat(call->act.tx->pool, call->operation->path, "/", id, NULL);
    return answer_principal(call, id);
}

apr_status_t ra_get_principal(ra_call_t *call)
{
    return answer_principal(call, ra_call_text(call, "id"));
}

/* The principal of the path at the version that If-Match names. */
static apr_status_t open_target(ra_call_t *call, ra_directory_target_t *target, ra_json_t **pcurrent)
{
    apr_status_t status = ra_directory_get(pcurrent, &call->act, kind_of(call), ra_call_text(call, "id"));

    if (status != APR_SUCCESS) {
        return status;
    }
    target->kind = kind_of(call);
    target->id = ra_call_text(call, "id");
    target->version = ra_json_get_int(*pcurrent, "version", 0);
    call->object_type = target->kind == RA_PRINCIPAL_SYSTEM ? "system" : "person";
    call->object_id = target->id;
    return ra_call_demand_version(call, target->version);
}

typedef apr_status_t (*change_fn)(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current);

static apr_status_t change_principal(ra_call_t *call, change_fn change)
{
    ra_directory_target_t target;
    ra_json_t *current;
    apr_status_t status = open_target(call, &target, &current);

    if (status == APR_SUCCESS) {
        call->audit_detail = (ra_json_t *)call->body;
        status = change(call, &target, current);
    }
    return status == APR_SUCCESS ? answer_principal(call, target.id) : status;
}

static apr_status_t change_data(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_json_t *form = ra_json_object_make(pool);

    ra_json_set_string(form, "name", ra_json_get_string(current, "name"));
    ra_json_set_string(form, "staff_number", ra_json_get_string(current, "staff_number"));
    ra_json_set_string(form, "office_id", ra_json_get_string(ra_json_get(current, "office"), "id"));
    ra_json_set_string(form, "agency_id", ra_json_get_string(ra_json_get(current, "agency"), "id"));
    form = ra_json_merge_patch(form, call->body, pool);
    /* As at creation; the first administrator belongs nowhere and may keep a name all the same. */
    if (!ra_json_get(form, "office_id") && !ra_json_get(form, "agency_id") && (ra_json_get(current, "office") || ra_json_get(current, "agency"))) {
        ra_result_violation_param(call->act.tx->result, "", RA_VIOLATION_ONE_OF_REQUIRED, "members", "office_id, agency_id");
        return ra_refuse(call->act.tx->result, RA_PROBLEM_BODY_INVALID, "after the merge");
    }
    return ra_directory_update(&call->act, target, form);
}

static apr_status_t change_roles(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_set_roles(&call->act, target, ra_json_get(call->body, "roles"));
}

static apr_status_t change_scopes(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_set_scopes(&call->act, target, ra_json_get(call->body, "scopes"));
}

static apr_status_t add_certificate(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_bind(&call->act, target, ra_json_get_string(call->body, "certificate"));
}

static apr_status_t end_certificate(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_unbind(&call->act, target, ra_call_text(call, "credential_id"));
}

static apr_status_t disable(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_disable(&call->act, target, 1, ra_json_get_string(call->body, "reason"));
}

static apr_status_t enable(ra_call_t *call, const ra_directory_target_t *target, const ra_json_t *current)
{
    (void)current;
    return ra_directory_disable(&call->act, target, 0, NULL);
}

apr_status_t ra_update_person(ra_call_t *call)
{
    return change_principal(call, change_data);
}

apr_status_t ra_set_person_roles(ra_call_t *call)
{
    return change_principal(call, change_roles);
}

apr_status_t ra_set_system_scopes(ra_call_t *call)
{
    return change_principal(call, change_scopes);
}

apr_status_t ra_bind_certificate(ra_call_t *call)
{
    return change_principal(call, add_certificate);
}

apr_status_t ra_disable_certificate(ra_call_t *call)
{
    return change_principal(call, end_certificate);
}

apr_status_t ra_disable_principal(ra_call_t *call)
{
    return change_principal(call, disable);
}

apr_status_t ra_enable_principal(ra_call_t *call)
{
    return change_principal(call, enable);
}
