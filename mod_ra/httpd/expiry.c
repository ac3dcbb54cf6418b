/* See expiry.h. Layer: httpd. */
#include "httpd/expiry.h"

#include <stdatomic.h>

#include <apr_strings.h>
#include <http_log.h>

#include "base/ident.h"
#include "base/x509.h"
#include "httpd/config.h"
#include "httpd/log_ids.h"
#include "httpd/shared.h"

#define RA_EXPIRY_ROWS_MAX 8
#define RA_EXPIRY_WARNING apr_time_from_sec(30 * RA_SECONDS_PER_DAY)
#define RA_EXPIRY_ERROR apr_time_from_sec(3 * RA_SECONDS_PER_DAY)
#define RA_EXPIRY_EVERY apr_time_from_sec(RA_SECONDS_PER_DAY)

APLOG_USE_MODULE(ra);

struct ra_expiry_t {
    server_rec *server;
    ra_expiry_row_t rows[RA_EXPIRY_ROWS_MAX];
    int count;
    _Atomic apr_int64_t *said; /* shared by all children: when it was logged; 0: not in this generation */
};

/* The first of a name to end is the one that counts. A file that cannot be read is refused by whoever needs it. */
static void add(ra_expiry_t *expiry, const char *name, const char *path, apr_pool_t *pool)
{
    ra_expiry_row_t *row = expiry->rows;
    apr_time_t end;

    if (path == NULL || ra_certs_end(&end, path) != APR_SUCCESS) {
        return;
    }
    while (row < expiry->rows + expiry->count && strcmp(row->name, name) != 0) {
        row++;
    }
    if (row == expiry->rows + expiry->count) {
        if (expiry->count == RA_EXPIRY_ROWS_MAX) {
            return;
        }
        expiry->count++;
    } else if (row->end <= end) {
        return;
    }
    *row = (ra_expiry_row_t){name, apr_pstrdup(pool, path), end};
}

/* mod_ssl's certificates, of every virtual host. */
static void add_servers(ra_expiry_t *expiry, const ap_directive_t *node, apr_pool_t *pool)
{
    for (; node != NULL; node = node->next) {
        if (ap_cstr_casecmp(node->directive, "SSLCertificateFile") == 0) {
            const char *args = node->args;

            add(expiry, "server", ap_server_root_relative(pool, ap_getword_conf(pool, &args)), pool);
        }
        add_servers(expiry, node->first_child, pool);
    }
}

ra_expiry_t *ra_expiry_make(server_rec *server, const ra_globals_t *globals, const ap_directive_t *tree, apr_pool_t *pconf)
{
    ra_expiry_t *expiry = apr_pcalloc(pconf, sizeof(*expiry));

    expiry->server = server;
    expiry->said = ra_shared_get(server, "expiry", sizeof(*expiry->said));
    if (expiry->said == NULL) {
        return NULL;
    }
    atomic_store(expiry->said, 0);
    add_servers(expiry, tree, pconf);
    add(expiry, "upstream_signer", globals->upstream_signer_cert, pconf);
    add(expiry, "upstream_tls", globals->upstream_tls_cert, pconf);
    add(expiry, "upstream_tls_ca", globals->upstream_tls_ca, pconf);
    add(expiry, "upstream_trust", globals->upstream_trust, pconf);
    add(expiry, "cmp", globals->cmp_cert, pconf);
    add(expiry, "credential_trust", globals->credential_trust, pconf);
    return expiry;
}

const ra_expiry_row_t *ra_expiry_rows(const ra_expiry_t *expiry, int *pcount)
{
    *pcount = expiry->count;
    return expiry->rows;
}

static void say(const ra_expiry_t *expiry, const ra_expiry_row_t *row, apr_time_t now, apr_pool_t *pool)
{
    int level = row->end - now <= RA_EXPIRY_ERROR ? APLOG_ERR : APLOG_WARNING;

    ap_log_error(APLOG_MARK, level, 0, expiry->server, RA_LOG_EXPIRY "%s, certificate %s: %s at %s", row->path, row->name,
                 row->end <= now ? "has ended" : "ends", ra_rfc3339(row->end, pool));
}

void ra_expiry_say(ra_expiry_t *expiry, apr_pool_t *pool)
{
    apr_time_t now = apr_time_now();
    apr_int64_t said = atomic_load(expiry->said);

    /* A clock that was set back holds nothing up. */
    if ((now >= said && now - said < RA_EXPIRY_EVERY) || !atomic_compare_exchange_strong(expiry->said, &said, now)) {
        return;
    }
    for (int i = 0; i < expiry->count; i++) {
        if (expiry->rows[i].end - now <= RA_EXPIRY_WARNING) {
            say(expiry, &expiry->rows[i], now, pool);
        }
    }
}
