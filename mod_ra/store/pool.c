/*
 * The bounded pool of connections of one child. The places are made at once, the connections when a place is first
 * used, so that a slow connect makes nobody wait but the one who needs it.
 * Layer: store. Thread rule: all functions are free-threaded but ra_store_make().
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_failed;
static pthread_key_t thread_key;

static void thread_detach(void *attached)
{
    (void)attached;
    mysql_thread_end();
}

/* mysql_library_end() is never called: other modules may use the library too (mod_dbd). */
static void library_init(void)
{
    library_failed = mysql_library_init(0, NULL, NULL) || pthread_key_create(&thread_key, thread_detach);
}

void ra_thread_attach(void)
{
    if (!pthread_getspecific(thread_key)) {
        mysql_thread_init();
        pthread_setspecific(thread_key, &thread_key);
    }
}

static apr_status_t place_make(void **pplace, void *data, apr_pool_t *pool)
{
    *pplace = ra_connection_make(data, pool);
    return *pplace ? APR_SUCCESS : APR_ENOMEM;
}

/* The connection is closed by its own pool, which may be gone already. */
static apr_status_t place_drop(void *place, void *data, apr_pool_t *pool)
{
    (void)place;
    (void)data;
    (void)pool;
    return APR_SUCCESS;
}

/* While a connection is out the list must stay (APR asserts that): its thread may be hanging when the child ends. */
static apr_status_t list_cleanup(void *data)
{
    ra_store_t *store = data;

    if (!apr_atomic_read32(&store->busy)) {
        apr_pool_destroy(store->list_pool);
    }
    return APR_SUCCESS;
}

static apr_status_t list_make(ra_store_t *store)
{
    int max = store->config.pool_max;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&store->list_pool, NULL, NULL);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_tag(store->list_pool, "ra_store");
    apr_pool_cleanup_register(store->pool, store, list_cleanup, apr_pool_cleanup_null);
    rv = apr_reslist_create(&store->list, max, max, max, 0, place_make, place_drop, store, store->list_pool);
    if (rv == APR_SUCCESS) {
        apr_reslist_timeout_set(store->list, store->config.wait);
    }
    return rv;
}

static int is_usable(const ra_store_config_t *config)
{
    if (config->pool_max < 1 || config->timeout <= 0 || config->wait <= 0 || !config->user || !config->database) {
        return 0;
    }
    return config->socket || (config->host && (config->ca_file || ra_is_loopback(config->host)));
}

static void copy_config(ra_store_t *store, const ra_store_config_t *config, apr_pool_t *pool)
{
    store->config = *config;
    store->config.socket = apr_pstrdup(pool, config->socket);
    store->config.host = apr_pstrdup(pool, config->host);
    store->config.user = apr_pstrdup(pool, config->user);
    store->config.password = apr_pstrdup(pool, config->password);
    store->config.database = apr_pstrdup(pool, config->database);
    store->config.ca_file = apr_pstrdup(pool, config->ca_file);
}

apr_status_t ra_store_make(ra_store_t **pstore, const ra_store_config_t *config, apr_pool_t *pool)
{
    ra_store_t *store = apr_pcalloc(pool, sizeof(*store));
    apr_status_t rv;

    *pstore = NULL;
    if (!is_usable(config)) {
        return APR_EINVAL;
    }
    pthread_once(&library_once, library_init);
    if (library_failed) {
        return APR_EGENERAL;
    }
    copy_config(store, config, pool);
    store->pool = pool;
    rv = apr_thread_mutex_create(&store->level.mutex, APR_THREAD_MUTEX_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = list_make(store);
    }
    if (rv == APR_SUCCESS) {
        *pstore = store;
    }
    return rv;
}

apr_status_t ra_pool_take(ra_connection_t **pconnection, ra_store_t *store, ra_result_t *result)
{
    void *place;

    ra_thread_attach();
    if (apr_reslist_acquire(store->list, &place) != APR_SUCCESS) {
        __atomic_fetch_add(&store->timeouts, 1, __ATOMIC_RELAXED);
        ra_result_clear(result);
        return ra_unavailable(result, RA_PROBLEM_DATABASE_UNAVAILABLE, RA_RETRY_AFTER_SECONDS,
                              "no free database connection within the waiting time");
    }
    apr_atomic_inc32(&store->busy);
    *pconnection = place;
    return APR_SUCCESS;
}

void ra_pool_give(ra_connection_t *connection)
{
    ra_store_t *store = connection->store;

    apr_atomic_dec32(&store->busy);
    apr_reslist_release(store->list, connection);
}

void ra_store_gauge(ra_store_t *store, int *popen, int *pbusy, apr_uint64_t *ptimeouts)
{
    *popen = (int)apr_atomic_read32(&store->open);
    *pbusy = (int)apr_atomic_read32(&store->busy);
    *ptimeouts = __atomic_load_n(&store->timeouts, __ATOMIC_RELAXED);
}
