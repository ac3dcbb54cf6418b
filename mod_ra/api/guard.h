/*
 * What is checked before the database is asked: host, certificate, same origin, keys and preconditions. Layer: api.
 */
#ifndef RA_API_GUARD_H
#define RA_API_GUARD_H

#include "api/api.h"

/** GET and HEAD change nothing. */
int ra_method_is_safe(const char *method);

/**
 * Certificate present where the operation needs a principal; on the staff host same-origin proof for unsafe methods (design §5, §14): X-RA-Request: 1 and Origin of this host
 * or Sec-Fetch-Site: same-origin, neither saying otherwise; a needed Idempotency-Key (api host) and If-Match are there.
 * RA_EREFUSED: _CERTIFICATE_REQUIRED _CROSS_ORIGIN _IDEMPOTENCY_KEY_MISSING _REQUEST_INVALID _IF_MATCH_MISSING
 */
apr_status_t ra_guard_request(const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result);

/** Does the principal have one of the operation's roles (staff host) or scopes (api host)? RA_EREFUSED with _ACCESS_DENIED. */
apr_status_t ra_guard_access(const ra_operation_t *operation, ra_host_e host, ra_roles_t roles, ra_scopes_t scopes, ra_result_t *result);

/** Does Accept leave one of the media types that the operation answers with? Asked before anything is done. RA_EREFUSED with _NOT_ACCEPTABLE. */
apr_status_t ra_guard_accept(const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result);

#endif
