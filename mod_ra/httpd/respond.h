/* Writing answers. Layer: httpd. Thread rule: the thread that works on the request. */
#ifndef RA_HTTPD_RESPOND_H
#define RA_HTTPD_RESPOND_H

#include <httpd.h>

#include "api/api.h"
#include "httpd/inbound.h"

/** Sends an answer of api/ with the headers that every answer of ours has. @return OK for httpd */
int ra_respond(request_rec *r, const ra_response_t *response);

/** Sends a problem. @param retry_after seconds, 0 for none */
int ra_respond_refusal(request_rec *r, const ra_inbound_t *inbound, const char *problem, int retry_after);

/** As ra_respond_refusal() with parts of the problem already in @a result. */
int ra_respond_result(request_rec *r, const ra_inbound_t *inbound, const ra_result_t *result);

/** Sends a text that is no API answer (/healthz, /metrics). */
int ra_respond_text(request_rec *r, const char *content_type, const char *text);

/** ra_request_t.log: one line in httpd's log. @param baton the request_rec */
void ra_respond_log(void *baton, int level, const char *id, const char *message);

/** RA_LOG_… as a level of httpd. */
int ra_log_level(int level);

#endif
