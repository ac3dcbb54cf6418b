/* See memory.h. Layer: base. */
#include "base/memory.h"

#include <apr_allocator.h>
#include <malloc.h>

#define MEMORY_KEPT (256 * 1024) /* bytes, for the work that comes next */

apr_status_t ra_pool_own(apr_pool_t **ppool, apr_pool_t *parent)
{
    apr_allocator_t *allocator;
    apr_status_t status = apr_allocator_create(&allocator);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_pool_create_ex(ppool, parent, NULL, allocator);
    if (status != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return status;
    }
    apr_allocator_owner_set(allocator, *ppool);
    apr_allocator_max_free_set(allocator, MEMORY_KEPT);
    return APR_SUCCESS;
}

void ra_memory_trim(void)
{
    malloc_trim(0);
}
