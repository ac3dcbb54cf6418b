/* Files for everybody. Layer: business. */
#include "business/service/downloads.h"

#include <apr_hash.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/crypt.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"

#define LIST_FILE "downloads.json"
#define RETRY_SECONDS 60

/* A digest that was computed, and of what: a file that has changed has another size, time or inode. */
typedef struct digest_t {
    apr_off_t size;
    apr_time_t changed;
    apr_ino_t inode;
    char sha256[2 * RA_SHA256_BYTES + 1];
} digest_t;

struct ra_downloads_t {
    const char *folder;
    apr_thread_mutex_t *mutex; /* guards digests and pool */
    apr_hash_t *digests;       /* name → digest_t; as many as the list has names */
    apr_pool_t *pool;
};

apr_status_t ra_downloads_make(ra_downloads_t **pdownloads, const char *folder, apr_pool_t *pool)
{
    ra_downloads_t *downloads = apr_pcalloc(pool, sizeof(*downloads));

    downloads->folder = folder;
    downloads->pool = pool;
    downloads->digests = apr_hash_make(pool);
    *pdownloads = downloads;
    return apr_thread_mutex_create(&downloads->mutex, APR_THREAD_MUTEX_DEFAULT, pool);
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static int is_good_name(const char *name)
{
    apr_size_t len = name ? strlen(name) : 0;

    return len > 0 && len <= RA_DOWNLOAD_NAME_MAX_BYTES && name[0] != '.' && !strchr(name, '/') && ra_text_is_utf8(name, len) &&
           !ra_text_is_deceptive(name);
}

static apr_status_t close_file(void *file)
{
    return apr_file_close(file);
}

/* A plain file of the folder, closed with the pool; no link is followed. */
static apr_status_t open_plain(apr_file_t **pfile, apr_finfo_t *info, const ra_downloads_t *downloads, const char *name, apr_pool_t *pool)
{
    int fd = open(apr_pstrcat(pool, downloads->folder, "/", name, NULL), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    apr_status_t status;

    if (fd < 0) {
        return APR_ENOENT;
    }
    status = apr_os_file_put(pfile, &fd, APR_FOPEN_READ | APR_FOPEN_SENDFILE_ENABLED, pool);
    if (status != APR_SUCCESS) {
        close(fd);
        return status;
    }
    apr_pool_cleanup_register(pool, *pfile, close_file, apr_pool_cleanup_null);
    status = apr_file_info_get(info, APR_FINFO_TYPE | APR_FINFO_SIZE | APR_FINFO_MTIME | APR_FINFO_INODE, *pfile);
    return status == APR_SUCCESS && info->filetype != APR_REG ? APR_ENOENT : status;
}

static apr_status_t compute(digest_t *digest, apr_file_t *file, const apr_finfo_t *info, apr_pool_t *pool)
{
    unsigned char hash[RA_SHA256_BYTES];
    apr_off_t begin = 0;
    apr_status_t status = ra_sha256_file(hash, file);

    if (status == APR_SUCCESS) {
        status = apr_file_seek(file, APR_SET, &begin);
    }
    if (status == APR_SUCCESS) {
        digest->size = info->size;
        digest->changed = info->mtime;
        digest->inode = info->inode;
        apr_cpystrn(digest->sha256, ra_hex(ra_bytes_of(hash, RA_SHA256_BYTES), pool), sizeof(digest->sha256));
    }
    return status;
}

static int is_of(const digest_t *digest, const apr_finfo_t *info)
{
    return digest && digest->size == info->size && digest->changed == info->mtime && digest->inode == info->inode;
}

/* Copies what is known into *digest. @return 1 when it is of this file */
static int recall(digest_t *digest, ra_downloads_t *downloads, const char *name, const apr_finfo_t *info)
{
    const digest_t *known;
    int found;

    apr_thread_mutex_lock(downloads->mutex);
    known = apr_hash_get(downloads->digests, name, APR_HASH_KEY_STRING);
    found = is_of(known, info);
    if (found) {
        *digest = *known;
    }
    apr_thread_mutex_unlock(downloads->mutex);
    return found;
}

static void keep(ra_downloads_t *downloads, const char *name, const digest_t *digest)
{
    digest_t *known;

    apr_thread_mutex_lock(downloads->mutex);
    known = apr_hash_get(downloads->digests, name, APR_HASH_KEY_STRING);
    if (!known) {
        known = apr_palloc(downloads->pool, sizeof(*known));
        apr_hash_set(downloads->digests, apr_pstrdup(downloads->pool, name), APR_HASH_KEY_STRING, known);
    }
    *known = *digest;
    apr_thread_mutex_unlock(downloads->mutex);
}

/* Computed outside of the mutex: two threads may do it at once, and come to the same. */
static apr_status_t digest_of(digest_t *digest, ra_downloads_t *downloads, const char *name, apr_file_t *file, const apr_finfo_t *info, apr_pool_t *pool)
{
    apr_status_t status;

    if (recall(digest, downloads, name, info)) {
        return APR_SUCCESS;
    }
    status = compute(digest, file, info, pool);
    if (status == APR_SUCCESS) {
        keep(downloads, name, digest);
    }
    return status;
}

/* --- the list --------------------------------------------------------------------------------------------------- */

static apr_status_t unreadable(ra_result_t *result, const char *why)
{
    return ra_unavailable(result, RA_PROBLEM_NOT_READY, RETRY_SECONDS, apr_pstrcat(result->pool, LIST_FILE " of RADownloads: ", why, NULL));
}

static apr_status_t read_list(ra_json_t **plist, const ra_downloads_t *downloads, ra_result_t *result, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_size_t len = 0;
    ra_json_error_t error;
    char *text;

    if (open_plain(&file, &info, downloads, LIST_FILE, pool) != APR_SUCCESS) {
        return unreadable(result, "cannot be opened");
    }
    if (info.size > RA_DOWNLOAD_LIST_MAX_BYTES) {
        return unreadable(result, "too large");
    }
    text = apr_palloc(pool, (apr_size_t)info.size + 1);
    if (apr_file_read_full(file, text, (apr_size_t)info.size, &len) != APR_SUCCESS ||
        ra_json_parse(plist, text, len, &ra_json_limits_document, &error, pool) != APR_SUCCESS) {
        return unreadable(result, "not JSON");
    }
    return APR_SUCCESS;
}

static const ra_json_t *find_item(const ra_json_t *list, const char *name)
{
    for (const ra_json_t *item = ra_json_first(ra_json_get(list, "items")); item; item = ra_json_next(item)) {
        const char *file = ra_json_get_string(item, "file");

        if (file && strcmp(file, name) == 0) {
            return item;
        }
    }
    return NULL;
}

static int has_texts(const ra_json_t *item, const char *member)
{
    const ra_json_t *texts = ra_json_get(item, member);

    return ra_json_get_string(texts, "zh-CN") && ra_json_get_string(texts, "en");
}

/* What the API shows of an item; one that is not whole is left out. */
static void add_item(ra_json_t *items, ra_downloads_t *downloads, const ra_json_t *source, apr_pool_t *pool)
{
    static const char *const members[] = {"title", "description", "version", "category"};
    const char *name = ra_json_get_string(source, "file");
    apr_file_t *file;
    apr_finfo_t info;
    digest_t digest;
    ra_json_t *item;

    if (!is_good_name(name) || !has_texts(source, "title") || !ra_json_get_string(source, "category") ||
        open_plain(&file, &info, downloads, name, pool) != APR_SUCCESS || digest_of(&digest, downloads, name, file, &info, pool) != APR_SUCCESS) {
        return;
    }
    item = ra_json_add_object(items);
    ra_json_set_string(item, "file", name);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ra_json_set_copy(item, members[i], ra_json_get(source, members[i]));
    }
    ra_json_set_int(item, "size", info.size);
    ra_json_set_string(item, "sha256", digest.sha256);
    ra_json_set_string(item, "changed_at", ra_rfc3339(info.mtime, pool));
}

apr_status_t ra_downloads_list(ra_json_t **plist, ra_downloads_t *downloads, ra_result_t *result, apr_pool_t *pool)
{
    ra_json_t *list = NULL, *items;
    apr_status_t status = downloads->folder ? read_list(&list, downloads, result, pool) : APR_SUCCESS;

    if (status != APR_SUCCESS) {
        return status;
    }
    *plist = ra_json_object_make(pool);
    items = ra_json_set_array(*plist, "items");
    for (const ra_json_t *source = ra_json_first(ra_json_get(list, "items")); source; source = ra_json_next(source)) {
        apr_pool_t *scratch;

        apr_pool_create(&scratch, pool);
        add_item(items, downloads, source, scratch);
        apr_pool_destroy(scratch);
    }
    return APR_SUCCESS;
}

apr_status_t ra_downloads_open(ra_download_t *download, ra_downloads_t *downloads, const char *name, ra_result_t *result, apr_pool_t *pool)
{
    ra_json_t *list;
    apr_finfo_t info;
    digest_t digest;
    apr_status_t status;

    if (!downloads->folder || !is_good_name(name)) {
        return APR_ENOENT;
    }
    status = read_list(&list, downloads, result, pool);
    if (status == APR_SUCCESS && !find_item(list, name)) {
        return APR_ENOENT;
    }
    if (status == APR_SUCCESS) {
        status = open_plain(&download->file, &info, downloads, name, pool);
    }
    if (status == APR_SUCCESS) {
        status = digest_of(&digest, downloads, name, download->file, &info, pool);
    }
    if (status == APR_SUCCESS) {
        download->size = info.size;
        download->sha256 = apr_pstrdup(pool, digest.sha256);
    }
    return status;
}
