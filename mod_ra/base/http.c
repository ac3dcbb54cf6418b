/*
 * HTTP client over libcurl: one blocking POST or GET with hard limits. Layer: base; the only file that includes curl.
 * Thread rule: free-threaded after ra_http_global_init; each thread keeps one easy handle (and so its connection) between calls.
 *
 * The body goes through a read callback that cannot rewind: curl then never repeats a POST of which a byte has left
 * on a connection that turned out to be dead, so one call of ours is at most one request at the server.
 */
#include "base/failpoint.h"
#include "base/http.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* A kept connection older than this is not used again: servers close idle ones, and a request lost in that race is "unknown". */
#define IDLE_CONNECTION_SECONDS 3L

typedef struct handle_t {
    CURL *easy;
    int busy; /* its thread is inside a call */
    char error[CURL_ERROR_SIZE];
    struct handle_t *next;
} handle_t;

/* The one client of the process: what the threads keep, and the lock of the list. */
static struct {
    apr_thread_mutex_t *mutex;
    apr_threadkey_t *key;
    handle_t *first;
} client;

/* Where the body comes from and the answer goes to, during one call. */
typedef struct transfer_t {
    ra_bytes_t body;
    apr_size_t sent;
    int asked; /* curl began to take the body */
    unsigned char *answer;
    apr_size_t answer_len;
    apr_size_t answer_room;
    apr_size_t answer_max;
    int too_large;
} transfer_t;

static void handle_unlink(handle_t *handle)
{
    handle_t **link = &client.first;

    while (*link != NULL && *link != handle) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = handle->next;
    }
}

static void handle_free(handle_t *handle)
{
    curl_easy_cleanup(handle->easy);
    free(handle);
}

/* The thread that owned the handle ends. */
static void on_thread_exit(void *data)
{
    handle_t *handle = data;

    apr_thread_mutex_lock(client.mutex);
    handle_unlink(handle);
    apr_thread_mutex_unlock(client.mutex);
    handle_free(handle);
}

/* The child ends. A thread that is still inside a call keeps its handle, and curl stays initialised for it. */
static apr_status_t on_child_exit(void *data)
{
    int busy = 0;
    handle_t *handle;

    (void)data;
    apr_threadkey_private_delete(client.key);
    apr_thread_mutex_lock(client.mutex);
    handle = client.first;
    while (handle != NULL) {
        handle_t *next = handle->next;
        if (handle->busy) {
            busy = 1;
        } else {
            handle_unlink(handle);
            handle_free(handle);
        }
        handle = next;
    }
    apr_thread_mutex_unlock(client.mutex);
    if (!busy) {
        curl_global_cleanup();
    }
    return APR_SUCCESS;
}

apr_status_t ra_http_global_init(apr_pool_t *pool)
{
    apr_status_t status;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return APR_EGENERAL;
    }
    client.first = NULL;
    if ((status = apr_thread_mutex_create(&client.mutex, APR_THREAD_MUTEX_DEFAULT, pool)) != APR_SUCCESS ||
        (status = apr_threadkey_private_create(&client.key, on_thread_exit, pool)) != APR_SUCCESS) {
        return status;
    }
    apr_pool_cleanup_register(pool, NULL, on_child_exit, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static handle_t *handle_make(void)
{
    handle_t *handle = calloc(1, sizeof(*handle));

    if (handle == NULL || (handle->easy = curl_easy_init()) == NULL ||
        apr_threadkey_private_set(handle, client.key) != APR_SUCCESS) {
        if (handle != NULL) {
            curl_easy_cleanup(handle->easy);
        }
        free(handle);
        return NULL;
    }
    apr_thread_mutex_lock(client.mutex);
    handle->next = client.first;
    client.first = handle;
    apr_thread_mutex_unlock(client.mutex);
    return handle;
}

/* This thread's handle with all options at their defaults; its connections stay. */
static handle_t *handle_take(void)
{
    void *data = NULL;
    handle_t *handle;

    if (apr_threadkey_private_get(&data, client.key) != APR_SUCCESS) {
        return NULL;
    }
    handle = data != NULL ? data : handle_make();
    if (handle != NULL) {
        handle->busy = 1;
        handle->error[0] = '\0';
        curl_easy_reset(handle->easy);
    }
    return handle;
}

static size_t on_read(char *buffer, size_t size, size_t items, void *data)
{
    transfer_t *transfer = data;
    apr_size_t room = size * items;
    apr_size_t left = transfer->body.len - transfer->sent;
    apr_size_t n = left < room ? left : room;

    transfer->asked = 1;
    if (n > 0) {
        memcpy(buffer, transfer->body.data + transfer->sent, n);
        transfer->sent += n;
    }
    return n;
}

static size_t on_write(char *bytes, size_t size, size_t items, void *data)
{
    transfer_t *transfer = data;
    apr_size_t n = size * items;
    apr_size_t need = transfer->answer_len + n;

    if (n > transfer->answer_max - transfer->answer_len) {
        transfer->too_large = 1;
        return 0;
    }
    if (need > transfer->answer_room) {
        apr_size_t room = need * 2 < 4096 ? 4096 : need * 2;
        unsigned char *grown = realloc(transfer->answer, room);
        if (grown == NULL) {
            return 0;
        }
        transfer->answer = grown;
        transfer->answer_room = room;
    }
    memcpy(transfer->answer + transfer->answer_len, bytes, n);
    transfer->answer_len = need;
    return n;
}

static int set_blob(CURL *easy, CURLoption option, ra_bytes_t bytes)
{
    struct curl_blob blob;

    blob.data = (void *)bytes.data;
    blob.len = bytes.len;
    blob.flags = CURL_BLOB_NOCOPY;
    return curl_easy_setopt(easy, option, &blob) != CURLE_OK;
}

/* Whom to talk to, and how both sides prove who they are. The system's own trust store plays no part. */
static int set_target(CURL *easy, const ra_http_target_t *target)
{
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_URL, target->url) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca_file) != CURLE_OK;
    if (target->ca_pem.len > 0) {
        bad |= set_blob(easy, CURLOPT_CAINFO_BLOB, target->ca_pem);
    }
    if (target->cert_pem.len > 0) {
        bad |= set_blob(easy, CURLOPT_SSLCERT_BLOB, target->cert_pem);
        bad |= set_blob(easy, CURLOPT_SSLKEY_BLOB, target->key_pem);
    } else if (target->cert_file != NULL) {
        bad |= curl_easy_setopt(easy, CURLOPT_SSLCERT, target->cert_file) != CURLE_OK;
        bad |= curl_easy_setopt(easy, CURLOPT_SSLKEY, target->key_file) != CURLE_OK;
    }
    return bad;
}

static int set_limits(CURL *easy, const ra_http_post_t *post)
{
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(post->connect_timeout)) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(post->timeout)) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)post->answer_max) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_SECONDS) != CURLE_OK;
    return bad;
}

static int set_answer(handle_t *handle, transfer_t *transfer)
{
    CURL *easy = handle->easy;
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, handle->error) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) != CURLE_OK;
    return bad;
}

static int set_body(handle_t *handle, struct curl_slist *headers, transfer_t *transfer)
{
    CURL *easy = handle->easy;
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.len) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_READDATA, transfer) != CURLE_OK;
    return bad;
}

static struct curl_slist *headers_make(const char *content_type, apr_pool_t *pool)
{
    struct curl_slist *first = curl_slist_append(NULL, apr_pstrcat(pool, "Content-Type: ", content_type, NULL));
    struct curl_slist *both = first != NULL ? curl_slist_append(first, "Expect:") : NULL;

    if (both == NULL) {
        curl_slist_free_all(first);
    }
    return both;
}

/*
 * Did surely no byte of the request leave? Only for failures that belong to the time before the request (a timeout too, when it
 * struck while connecting), and only when curl neither counted a request byte nor asked for the body.
 */
static int nothing_was_sent(CURL *easy, CURLcode code, const transfer_t *transfer)
{
    long request_bytes = 0;

    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        break;
    default:
        return 0;
    }
    return !transfer->asked && curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes) == CURLE_OK &&
           request_bytes == 0;
}

/* "Application/PKIXCMP; charset=x" becomes "application/pkixcmp". */
static const char *media_type(const char *header, apr_pool_t *pool)
{
    char *type = apr_pstrndup(pool, header != NULL ? header : "", header != NULL ? strcspn(header, "; \t") : 0);
    char *c;

    for (c = type; *c != '\0'; c++) {
        *c = (char)apr_tolower(*c);
    }
    return type;
}

static apr_status_t failed(ra_http_reply_t *reply, int nothing_sent, const char *why, apr_pool_t *pool)
{
    reply->nothing_sent = nothing_sent;
    reply->error = apr_pstrdup(pool, why);
    return APR_EGENERAL;
}

static apr_status_t conclude(ra_http_reply_t *reply, handle_t *handle, CURLcode code, const transfer_t *transfer,
                             apr_pool_t *pool)
{
    long http_status = 0;
    char *type = NULL;

    if (code != CURLE_OK) {
        const char *why = handle->error[0] != '\0' ? handle->error : curl_easy_strerror(code);
        reply->too_large = transfer->too_large || code == CURLE_FILESIZE_EXCEEDED;
        why = reply->too_large ? "the answer is larger than allowed" : why;
        return failed(reply, nothing_was_sent(handle->easy, code, transfer), apr_psprintf(pool, "%s (curl %d)", why, code),
                      pool);
    }
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(handle->easy, CURLINFO_CONTENT_TYPE, &type);
    reply->status = (int)http_status;
    reply->content_type = media_type(type, pool);
    reply->body.data = apr_pmemdup(pool, transfer->answer != NULL ? transfer->answer : (unsigned char *)"", transfer->answer_len);
    reply->body.len = transfer->answer_len;
    return APR_SUCCESS;
}

/* @param headers of a POST; NULL: a GET */
static apr_status_t exchange(ra_http_reply_t *reply, const ra_http_post_t *post, struct curl_slist *headers, apr_pool_t *pool)
{
    handle_t *handle = handle_take();
    transfer_t transfer;
    apr_status_t status;

    memset(reply, 0, sizeof(*reply));
    memset(&transfer, 0, sizeof(transfer));
    reply->content_type = "";
    transfer.body = post->body;
    transfer.answer_max = post->answer_max;
    if (handle == NULL || set_target(handle->easy, post->target) || set_limits(handle->easy, post) || set_answer(handle, &transfer) ||
        (headers != NULL && set_body(handle, headers, &transfer))) {
        status = failed(reply, 1, "the HTTP client could not be set up", pool);
    } else {
        RA_FAILPOINT(http_begin);
        status = conclude(reply, handle, curl_easy_perform(handle->easy), &transfer, pool);
        RA_FAILPOINT(http_end);
    }
    free(transfer.answer);
    if (handle != NULL) {
        curl_easy_reset(handle->easy);
        handle->busy = 0;
    }
    return status;
}

apr_status_t ra_http_post(ra_http_reply_t *reply, const ra_http_post_t *post, apr_pool_t *pool)
{
    struct curl_slist *headers = headers_make(post->content_type, pool);
    apr_status_t status;

    if (headers == NULL) {
        memset(reply, 0, sizeof(*reply));
        reply->content_type = "";
        return failed(reply, 1, "the HTTP client could not be set up", pool);
    }
    status = exchange(reply, post, headers, pool);
    curl_slist_free_all(headers);
    return status;
}

apr_status_t ra_http_get(ra_http_reply_t *reply, const ra_http_post_t *get, apr_pool_t *pool)
{
    return exchange(reply, get, NULL, pool);
}
