/* What the CA publishes: its certificates and its CRL, for everybody; and where it disagrees with us, for those who answer for it. Layer: api. */
#include "business/ca/ca_status.h"

#include <apr_strings.h>

#include "api/resources.h"
#include "base/der.h"
#include "base/ident.h"
#include "base/x509.h"

#define FOR_A_MINUTE "public, max-age=60"

static const char *const certificates_types[] = {"application/json", "application/x-pem-file", NULL};
static const char *const crl_types[] = {"application/pkix-crl", "application/x-pem-file", NULL};

static const char *all_pem(const ra_json_t *items, apr_pool_t *pool)
{
    apr_array_header_t *texts = apr_array_make(pool, 4, sizeof(const char *));

    for (const ra_json_t *item = ra_json_first(items); item; item = ra_json_next(item)) {
        APR_ARRAY_PUSH(texts, const char *) = ra_json_get_string(item, "pem");
    }
    APR_ARRAY_PUSH(texts, const char *) = "";
    return apr_array_pstrcat(pool, texts, '\0');
}

/* Of the bytes that are sent: a strong tag differs per representation (RFC 9110). */
static const char *etag_of(ra_bytes_t bytes, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];

    ra_sha256(digest, bytes.data, bytes.len);
    return apr_pstrcat(pool, "\"", ra_hex(ra_bytes_of(digest, sizeof(digest)), pool), "\"", NULL);
}

static void answer_bytes(ra_call_t *call, const char *type, ra_bytes_t bytes)
{
    call->raw = bytes;
    call->raw_type = type;
    call->etag = etag_of(bytes, call->act.tx->pool);
    call->cache_control = FOR_A_MINUTE;
}

apr_status_t ra_list_ca_certificates(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    const char *type = ra_accept_choose(apr_table_get(call->request->headers, "Accept"), certificates_types, call->request->pool);
    ra_json_t *items, *answer = ra_json_object_make(pool);
    apr_status_t status = type ? ra_ca_certificate_list(&items, &call->act) : ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_ACCEPTABLE, NULL);

    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_copy(answer, "items", items);
    answer_bytes(call, type, ra_bytes_text(type == certificates_types[0] ? ra_json_print(answer, pool) : all_pem(items, pool)));
    return APR_SUCCESS;
}

apr_status_t ra_get_crl(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    const char *type = ra_accept_choose(apr_table_get(call->request->headers, "Accept"), crl_types, call->request->pool);
    ra_json_t *crl;
    ra_bytes_t der;
    apr_status_t status = type ? ra_ca_crl_read(&der, &crl, &call->act) : ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_ACCEPTABLE, NULL);

    if (status == APR_ENOENT) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_FOUND, "no CRL was fetched yet");
    }
    if (status == APR_SUCCESS) {
        answer_bytes(call, type, type == crl_types[0] ? der : ra_bytes_text(ra_pem_write("X509 CRL", der, pool)));
    }
    return status;
}

apr_status_t ra_report_ca_disagreements(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_disagreement_filter_t filter = {NULL, ra_call_limit(call)};
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS) {
        status = ra_disagreement_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}
