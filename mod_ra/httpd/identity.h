/* The client certificate of a connection (design §5). Layer: httpd. Thread rule: free-threaded. */
#ifndef RA_HTTPD_IDENTITY_H
#define RA_HTTPD_IDENTITY_H

#include <httpd.h>

#include "base/crypt.h"

/**
 * The certificate that mod_ssl verified on this connection, as DER in r->pool; data NULL when there is none or it was
 * not verified. Read from mod_ssl only: never from a header, never from the environment.
 */
ra_bytes_t ra_identity_certificate(request_rec *r);

#endif
