/* Reading a request body with a hard maximum. Layer: httpd. Thread rule: the thread that works on the request. */
#ifndef RA_HTTPD_BODY_H
#define RA_HTTPD_BODY_H

#include <httpd.h>

#include "base/crypt.h"

/** Registers the filter that keeps httpd's own error answers away; call where hooks are registered. */
void ra_body_register(void);

/**
 * Reads the whole body (ra_request_t.read_body). The 100-continue goes out with the first read, so never for a body
 * that is refused by its length.
 * @param baton the request_rec
 * @param body  in r->pool, NUL terminated past its end; len 0 when there is none
 * @return APR_SUCCESS; APR_ENOSPC too large; APR_EINVAL broken framing; APR_TIMEUP slow or gone
 */
apr_status_t ra_body_read(void *baton, apr_size_t max, ra_bytes_t *body);

#endif
