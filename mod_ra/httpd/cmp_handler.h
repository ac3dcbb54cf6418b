/* CMP over HTTP (RFC 9811) on the public host. Layer: httpd. Thread rule: one thread per request. */
#ifndef RA_HTTPD_CMP_HANDLER_H
#define RA_HTTPD_CMP_HANDLER_H

#include <httpd.h>

#include "httpd/inbound.h"

/**
 * Answers one CMP message. What is wrong with a message is told by CMP with status 200; problem documents are for what
 * never was one: method, media type, size, bytes that are no PKIMessage, or a server that cannot answer now.
 */
int ra_cmp_handler(request_rec *r, const ra_inbound_t *inbound);

#endif
