/* The service itself: its document, and who I am. Layer: api. */
#include <apr_strings.h>

#include "api/resources.h"
#include "business/application/decision.h"

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
    ra_json_set_string(me, "signed_reviews", ra_signing_name((ra_signing_e)call->act.ra->settings->signed_decisions));
    call->answer = me;
    return APR_SUCCESS;
}
