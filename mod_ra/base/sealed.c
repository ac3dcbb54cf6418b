/* JSON values sealed at rest. Layer: base. Thread rule: see sealed.h. */
#include "base/sealed.h"

apr_status_t ra_seal_json(ra_bytes_t *psealed, const ra_keyring_t *keyring, const char *label, const char *context, const ra_json_t *value, apr_pool_t *pool)
{
    return ra_seal(psealed, keyring, label, context, ra_bytes_text(ra_json_print(value, pool)), pool);
}

apr_status_t ra_unseal_json(ra_json_t **pvalue, const ra_keyring_t *keyring, const char *label, const char *context, ra_bytes_t sealed,
                            const ra_json_limits_t *limits, apr_pool_t *pool)
{
    ra_bytes_t plain;
    ra_json_error_t error;
    apr_status_t status = ra_unseal(&plain, keyring, label, context, sealed, pool);

    return status == APR_SUCCESS ? ra_json_parse(pvalue, (const char *)plain.data, plain.len, limits, &error, pool) : status;
}

apr_status_t ra_unseal_json_text(ra_json_t **pvalue, const ra_keyring_t *keyring, const char *label, const char *context, const char *text,
                                 const ra_json_limits_t *limits, apr_pool_t *pool)
{
    ra_bytes_t sealed;
    apr_status_t status = ra_base64url_decode(&sealed, text, pool);

    return status == APR_SUCCESS ? ra_unseal_json(pvalue, keyring, label, context, sealed, limits, pool) : status;
}
