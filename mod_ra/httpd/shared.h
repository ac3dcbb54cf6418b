/*
 * Memory that all children share.
 * Layer: httpd. Thread rule: made in httpd's main thread; the content is for lock-free atomics only.
 */
#ifndef RA_HTTPD_SHARED_H
#define RA_HTTPD_SHARED_H

#include <httpd.h>

/**
 * The piece of that name and size: the one that an earlier configuration of this httpd made, or a new one filled with
 * zeros. It lives as long as httpd, so counters and limits survive a graceful restart; children inherit it at the
 * same address.
 * @return NULL when there is no shared memory
 */
void *ra_shared_get(server_rec *server, const char *name, apr_size_t size);

#endif
