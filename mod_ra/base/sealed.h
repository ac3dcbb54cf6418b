/*
 * JSON values sealed at rest (design §7): printed and sealed, unsealed and parsed. Layer: base. Thread rule: free-threaded.
 * Label and context as for ra_seal() in base/crypt.h.
 */
#ifndef RA_BASE_SEALED_H
#define RA_BASE_SEALED_H

#include "base/crypt.h"
#include "base/json.h"

apr_status_t ra_seal_json(ra_bytes_t *psealed, const ra_keyring_t *keyring, const char *label, const char *context, const ra_json_t *value, apr_pool_t *pool);

/** What ra_seal_json() has sealed. Anything but APR_SUCCESS: a changed or moved row, an unknown key, or no JSON within @a limits. */
apr_status_t ra_unseal_json(ra_json_t **pvalue, const ra_keyring_t *keyring, const char *label, const char *context, ra_bytes_t sealed,
                            const ra_json_limits_t *limits, apr_pool_t *pool);

/** The same of a column that was read as `name:b64`. */
apr_status_t ra_unseal_json_text(ra_json_t **pvalue, const ra_keyring_t *keyring, const char *label, const char *context, const char *text,
                                 const ra_json_limits_t *limits, apr_pool_t *pool);

#endif
