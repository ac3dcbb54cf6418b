/* Anonymous shared memory that survives graceful restarts. Layer: httpd. Thread rule: httpd's main thread only. */
#include "httpd/shared.h"

#include <apr_shm.h>
#include <apr_strings.h>

void *ra_shared_get(server_rec *server, const char *name, apr_size_t size)
{
    apr_pool_t *pool = server->process->pool;
    const char *key = apr_psprintf(pool, "mod_ra:%s:%" APR_SIZE_T_FMT, name, size);
    void *found = NULL;
    apr_shm_t *shm = NULL;
    if (apr_pool_userdata_get(&found, key, pool) == APR_SUCCESS && found != NULL) {
        return apr_shm_baseaddr_get(found);
    }
    if (apr_shm_create(&shm, size, NULL, pool) != APR_SUCCESS) {
        return NULL;
    }
    memset(apr_shm_baseaddr_get(shm), 0, size);
    apr_pool_userdata_setn(shm, key, NULL, pool);
    return apr_shm_baseaddr_get(shm);
}
