/*
 * Memory that goes back to the system. APR's shared allocator and glibc's arenas keep whatever was needed at once, for good: work that may be large
 * (a job of the outbox, a connection's rows) has an allocator of its own, and what was very large is followed by a trim.
 * Layer: base. Thread rule: a pool of ra_pool_own(), with those made below it, is used by one thread at a time.
 */
#ifndef RA_BASE_MEMORY_H
#define RA_BASE_MEMORY_H

#include <apr_pools.h>

/** A pool with an allocator of its own, which frees all but a little of what a cleared pool gives back. @param parent may be NULL */
apr_status_t ra_pool_own(apr_pool_t **ppool, apr_pool_t *parent);

/** Gives free memory of all arenas back to the system. It takes milliseconds and locks each arena: after work of many megabytes only. */
void ra_memory_trim(void);

#endif
