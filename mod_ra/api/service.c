/* The service itself: its document, who I am, the businesses. Layer: api. */
#include <apr_strings.h>

#include "api/resources.h"
#include "business/lifecycle.h"

apr_status_t ra_get_openapi(ra_call_t *call)
{
    call->raw = ra_spec_text(call->api->spec);
    call->raw_type = "application/json";
    call->etag = ra_spec_etag(call->api->spec);
    call->cache_control = "public, max-age=60";
    return APR_SUCCESS;
}

static void add_grants(ra_json_t *me, const ra_principal_t *who)
{
    ra_json_t *roles = ra_json_set_array(me, "roles"), *scopes = ra_json_set_array(me, "scopes");

    for (int i = 0; i < RA_ROLE_COUNT; i++) {
        if (who->roles & (1u << i)) {
            ra_json_t *grant = ra_json_add_object(roles);

            ra_json_set_string(grant, "role", ra_role_name(1u << i));
            ra_json_set_bool(grant, "province_wide", (who->province_roles & (1u << i)) != 0);
        }
    }
    for (int i = 0; i < RA_SCOPE_COUNT; i++) {
        if (who->scopes & (1u << i)) {
            ra_json_add_string(scopes, ra_scope_name(1u << i));
        }
    }
}

apr_status_t ra_get_me(ra_call_t *call)
{
    const ra_principal_t *who = call->act.who;
    ra_json_t *me = ra_json_object_make(call->act.tx->pool), *part;

    ra_json_set_string(me, "kind", who->is_system ? "system" : "person");
    ra_json_set_string(me, "id", who->id);
    ra_json_set_string(me, "name", who->name);
    add_grants(me, who);
    if (who->office_id) {
        part = ra_json_set_object(me, "office");
        ra_json_set_string(part, "id", who->office_id);
        ra_json_set_string(part, "name", who->office_name);
        ra_json_set_string(part, "region", who->office_region);
    }
    if (who->agency_id) {
        part = ra_json_set_object(me, "agency");
        ra_json_set_string(part, "id", who->agency_id);
        ra_json_set_string(part, "name", who->agency_name);
    }
    part = ra_json_set_object(me, "credential");
    ra_json_set_string(part, "sha256", who->credential_sha256);
    ra_json_set_string(part, "not_after", who->credential_not_after);
    call->answer = me;
    return APR_SUCCESS;
}

static void add_texts(ra_json_t *object, const char *zh, const char *en)
{
    ra_json_t *texts = ra_json_set_object(object, "name");

    ra_json_set_string(texts, "zh-CN", zh);
    ra_json_set_string(texts, "en", en);
}

static void add_materials(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *materials = ra_json_set_object(object, "materials");

    for (int kind = 0; kind < RA_KIND_COUNT; kind++) {
        ra_json_t *names = ra_json_set_array(materials, ra_kind_name((ra_kind_e)kind));

        for (unsigned bit = 1; bit < 1u << RA_MATERIAL_COUNT; bit <<= 1) {
            if (business->materials[kind] & bit) {
                ra_json_add_string(names, ra_material_name(bit));
            }
        }
    }
}

static void add_steps(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *steps = ra_json_set_array(object, "steps");

    for (int i = 0; i < business->step_count; i++) {
        const ra_business_step_t *row = &business->steps[i];
        ra_json_t *step = ra_json_add_object(steps), *roles;

        ra_json_set_string(step, "step", ra_step_name(row->step));
        add_texts(step, ra_step_title(row->step, 0), ra_step_title(row->step, 1));
        roles = ra_json_set_array(step, "roles");
        for (int role = 0; role < RA_ROLE_COUNT; role++) {
            if (row->roles & (1u << role)) {
                ra_json_add_string(roles, ra_role_name(1u << role));
            }
        }
    }
}

apr_status_t ra_list_businesses(ra_call_t *call)
{
    const ra_business_t *business;
    ra_json_t *items;

    call->answer = ra_json_object_make(call->act.tx->pool);
    items = ra_json_set_array(call->answer, "items");
    for (int i = 0; (business = ra_business_at(i)); i++) {
        ra_json_t *item = ra_json_add_object(items);

        ra_json_set_string(item, "business", business->name);
        add_texts(item, business->zh, business->en);
        ra_json_set_string(item, "form", business->form);
        ra_json_set_bool(item, "fee", business->fee);
        ra_json_set_bool(item, "agency_approval", business->steps[0].step == RA_STEP_AGENCY_DECISION);
        add_materials(item, business);
        add_steps(item, business);
    }
    call->cache_control = "public, max-age=60";
    return APR_SUCCESS;
}
