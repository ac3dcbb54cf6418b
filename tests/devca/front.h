/* What the two ports serve: CMP, /ca.crt, /crl, /healthz; and on the control port also /knobs, /revocations and a new CRL. */
#ifndef DEVCA_FRONT_H
#define DEVCA_FRONT_H

#include "cmp_service.h"
#include "server.h"

void front_ca(void *baton, const http_request_t *request, http_answer_t *answer);      /* baton: service_t */
void front_control(void *baton, const http_request_t *request, http_answer_t *answer); /* baton: service_t */

#endif
