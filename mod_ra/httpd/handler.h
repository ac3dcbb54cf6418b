/* The content handler of the module. Layer: httpd. Thread rule: one thread per request. */
#ifndef RA_HTTPD_HANDLER_H
#define RA_HTTPD_HANDLER_H

#include <httpd.h>

/** handler hook: DECLINED for what is not ours. */
int ra_handler(request_rec *r);

#endif
