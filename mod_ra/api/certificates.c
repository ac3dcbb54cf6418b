/* Certificates, the public status query, operations. Layer: api. */
#include "business/certificate/certificate.h"

#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"
#include "base/text.h"
#include "base/x509.h"
#include "business/ca/production.h"
#include "business/ca/settlement.h"
#include "business/certificate/certificate_check.h"
#include "business/certificate/certificate_history.h"

/* @return 0 when the name that is looked for is nobody's: it has no letter */
static int read_filter(ra_certificate_filter_t *filter, const ra_call_t *call)
{
    const char *subject = ra_call_text(call, "subject_name");

    *filter = (ra_certificate_filter_t){
        .serial = ra_call_text(call, "serial"),
        .subject_key = subject ? ra_text_name_key(subject, call->act.tx->pool) : NULL,
        .social_security_no = ra_call_text(call, "social_security_no"),
        .status = ra_call_text(call, "status"),
        .kind = ra_call_text(call, "kind"),
        .application_id = ra_call_text(call, "application_id"),
    };
    return !subject || filter->subject_key;
}

apr_status_t ra_list_certificates(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, pool);
    ra_certificate_filter_t filter;
    ra_json_t *items = ra_json_array_make(pool);
    int finds = read_filter(&filter, call);
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    filter.limit = ra_call_limit(call);
    if (status == APR_SUCCESS && finds) {
        status = ra_certificate_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

apr_status_t ra_count_certificates(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_certificate_filter_t filter;

    if (!read_filter(&filter, call)) {
        return ra_call_counts_nothing(call, "statuses", "kinds");
    }
    return ra_certificate_counts(&call->answer, &call->act, &sight, &filter);
}

static const char *const certificate_types[] = {"application/json", "application/x-pem-file", "application/pkix-cert", NULL};

apr_status_t ra_get_certificate(ra_call_t *call)
{
    const char *type = ra_accept_choose(apr_table_get(call->request->headers, "Accept"), certificate_types, call->request->pool);
    ra_json_t *certificate;
    ra_bytes_t der;
    apr_status_t status;

    if (!type) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_ACCEPTABLE, NULL);
    }
    status = ra_certificate_json(&certificate, &der, &call->act, ra_call_text(call, "id"), call->operation->roles);
    if (status != APR_SUCCESS) {
        return status;
    }
    call->version = ra_json_get_int(certificate, "version", 0);
    call->raw_type = type;
    if (type == certificate_types[0]) {
        call->answer = certificate;
        ra_call_tag_whole(call, call->version); /* its status changes by the clock, too */
    } else if (type == certificate_types[1]) {
        call->variant = "pem";
        call->raw = ra_bytes_text(ra_cert_pem(der, call->act.tx->pool));
    } else {
        call->variant = "der";
        call->raw = der;
    }
    return APR_SUCCESS;
}

apr_status_t ra_list_certificate_history(ra_call_t *call)
{
    const char *id = ra_call_text(call, "id");
    ra_json_t *certificate, *items;
    apr_status_t status = ra_certificate_json(&certificate, NULL, &call->act, id, call->operation->roles);

    if (status == APR_SUCCESS) {
        status = ra_certificate_history(&items, &call->act, id);
    }
    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        ra_json_set_copy(call->answer, "items", items);
    }
    return status;
}

/* Cacheable for a few seconds: the same for every caller and language (design §14). */
apr_status_t ra_get_certificate_status(ra_call_t *call)
{
    const char *number = ra_call_text(call, "social_security_no"), *serial = ra_call_text(call, "serial");

    if (call->act.ra->settings->status_needs_second_field && !number && !serial) {
        ra_result_violation(call->act.tx->result, "query:social_security_no", RA_VIOLATION_REQUIRED);
        return ra_refuse(call->act.tx->result, RA_PROBLEM_REQUEST_INVALID, "a second field is demanded");
    }
    call->cache_control = "public, max-age=3";
    return ra_certificate_status(&call->answer, call->act.tx, ra_call_text(call, "subject"), number, serial);
}

apr_status_t ra_check_certificate(ra_call_t *call)
{
    return ra_certificate_check(&call->answer, &call->act, call->content);
}

/* --- operations ------------------------------------------------------------------------------------------------- */

apr_status_t ra_list_operations(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_operation_filter_t filter = {ra_call_text(call, "status"), NULL, ra_call_limit(call)};
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS) {
        status = ra_operation_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

static apr_status_t read_operation(ra_call_t *call)
{
    apr_status_t status = ra_operation_open(&call->answer, &call->act, ra_call_text(call, "id"), call->operation->roles);

    if (status == APR_SUCCESS) {
        call->version = ra_json_get_int(call->answer, "version", 0);
        call->object_type = "operation";
        call->object_id = ra_json_get_string(call->answer, "id");
    }
    return status;
}

/* Still open at the CA: when to ask again. */
static int is_open(const ra_json_t *operation)
{
    const char *status = ra_json_get_string(operation, "status");

    return strcmp(status, "pending") == 0 || strcmp(status, "waiting") == 0;
}

apr_status_t ra_get_operation(ra_call_t *call)
{
    apr_status_t status = read_operation(call);

    if (status == APR_SUCCESS && is_open(call->answer)) {
        call->retry_after = RA_OPERATION_RETRY_SECONDS;
    }
    return status;
}

/* Without the certificate itself, whose serial has an audit row of its own. */
static ra_json_t *settlement_detail(ra_call_t *call)
{
    ra_json_t *detail = ra_json_object_make(call->act.tx->pool);

    ra_json_set_string(detail, "outcome", ra_json_get_string(call->body, "outcome"));
    ra_json_set_string(detail, "evidence", ra_json_get_string(call->body, "evidence"));
    ra_json_set_string(detail, "application_id", ra_json_get_string(call->answer, "application_id"));
    return detail;
}

apr_status_t ra_settle_operation(ra_call_t *call)
{
    apr_status_t status = read_operation(call);

    if (status == APR_SUCCESS) {
        status = ra_call_demand_version(call, call->version);
    }
    if (status == APR_SUCCESS) {
        call->audit_detail = settlement_detail(call);
        status = ra_settlement_write(&call->act, ra_call_text(call, "id"), call->version, call->body);
    }
    return status == APR_SUCCESS ? read_operation(call) : status;
}
