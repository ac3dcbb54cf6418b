/*
 * Files for everybody: drivers, forms, root certificates, out of one folder with a list beside them (RADownloads).
 * Layer: business. Thread rule: made once per child; free-threaded afterwards.
 *
 * Only what the list names is there: downloads.json, {"items": [{"file", "category", "title": {"zh-CN", "en"}, "description": {…}, "version"}]}.
 * A name holds no slash and no leading dot, and links are not followed, so nothing outside of the folder can be reached.
 */
#ifndef RA_BUSINESS_DOWNLOADS_H
#define RA_BUSINESS_DOWNLOADS_H

#include <apr_file_io.h>

#include "base/json.h"
#include "base/result.h"

typedef struct ra_downloads_t ra_downloads_t;

/** @param folder NULL: there are none */
apr_status_t ra_downloads_make(ra_downloads_t **pdownloads, const char *folder, apr_pool_t *pool);

/**
 * The DownloadList of the API. A file that the list names and that cannot be read is left out.
 * @return RA_EUNAVAILABLE when the list itself cannot be read
 */
apr_status_t ra_downloads_list(ra_json_t **plist, ra_downloads_t *downloads, ra_result_t *result, apr_pool_t *pool);

/** One file, opened. */
typedef struct ra_download_t {
    apr_file_t *file; /* closed with the pool */
    apr_off_t size;
    const char *sha256; /* hex */
} ra_download_t;

/** @return APR_ENOENT when the list does not name it or it is not a readable plain file */
apr_status_t ra_downloads_open(ra_download_t *download, ra_downloads_t *downloads, const char *name, ra_result_t *result, apr_pool_t *pool);

#endif
