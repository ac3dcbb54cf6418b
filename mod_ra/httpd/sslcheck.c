/*
 * Does what mod_ssl is told fit RAHost? Read from the configuration tree, because mod_ssl's own settings are private
 * (design §5).
 * Layer: httpd. Thread rule: runs in httpd's main thread before any child exists.
 *
 * Client certificates are asked for per virtual host only: TLS 1.3 clients without post-handshake authentication
 * cannot answer later, and a host that verifies in one place and not in another is too easy to get wrong.
 */
#include "httpd/config.h"

#include <apr_strings.h>

/** What a level of the configuration says. Directives of a virtual host win over the ones outside. */
typedef struct ra_ssl_scope_t {
    const ap_directive_t *host;    /* RAHost */
    const ap_directive_t *engine;  /* SSLEngine */
    const ap_directive_t *verify;  /* SSLVerifyClient for the whole host */
    const ap_directive_t *partial; /* SSLVerifyClient inside of <Location>, <Directory>, <If> … */
} ra_ssl_scope_t;

static int is_named(const ap_directive_t *node, const char *name)
{
    return apr_strnatcasecmp(node->directive, name) == 0;
}

/** Sections that only choose whether their content is read. */
static int is_condition(const ap_directive_t *node)
{
    return strncasecmp(node->directive, "<If", 3) == 0 && !is_named(node, "<If");
}

static void scan(ra_ssl_scope_t *scope, const ap_directive_t *node, int is_inside)
{
    for (; node != NULL; node = node->next) {
        if (is_named(node, "SSLVerifyClient")) {
            *(is_inside ? &scope->partial : &scope->verify) = node;
        } else if (is_named(node, "SSLEngine")) {
            scope->engine = node;
        } else if (is_named(node, "RAHost")) {
            scope->host = node;
        } else if (node->first_child != NULL && !is_named(node, "<VirtualHost")) {
            scan(scope, node->first_child, is_inside || !is_condition(node));
        }
    }
}

static int says(const ap_directive_t *node, const char *word)
{
    return node != NULL && apr_strnatcasecmp(node->args, word) == 0;
}

static const char *complain(const ap_directive_t *node, const char *what, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s:%d: %s %s: %s", node->filename, node->line_num, node->directive, node->args, what);
}

static const char *judge(const ra_ssl_scope_t *scope, apr_pool_t *pool)
{
    int is_staff = says(scope->host, "staff");
    if (!is_staff && !says(scope->host, "api")) {
        return NULL;
    }
    if (scope->partial != NULL) {
        return complain(scope->partial,
                        "on a host with RAHost staff or api, client certificates are asked for by the whole virtual "
                        "host, never by a part of it",
                        pool);
    }
    if (says(scope->verify, "optional_no_ca")) {
        return complain(scope->verify, "would let unverified certificates in; use optional (staff) or require (api)",
                        pool);
    }
    if (!says(scope->engine, "on")) {
        return complain(scope->host, "needs 'SSLEngine on' in this virtual host", pool);
    }
    if (is_staff && !says(scope->verify, "optional") && !says(scope->verify, "require")) {
        return complain(scope->host, "needs 'SSLVerifyClient optional' in this virtual host", pool);
    }
    if (!is_staff && !says(scope->verify, "require")) {
        return complain(scope->host, "needs 'SSLVerifyClient require' in this virtual host", pool);
    }
    return NULL;
}

static const char *judge_hosts(const ra_ssl_scope_t *outer, const ap_directive_t *node, apr_pool_t *pool)
{
    const char *wrong = NULL;
    for (; node != NULL && wrong == NULL; node = node->next) {
        if (is_named(node, "<VirtualHost")) {
            ra_ssl_scope_t scope = *outer;
            scope.host = NULL;
            scan(&scope, node->first_child, 0);
            wrong = judge(&scope, pool);
        } else if (node->first_child != NULL && is_condition(node)) {
            wrong = judge_hosts(outer, node->first_child, pool);
        }
    }
    return wrong;
}

const char *ra_ssl_check(const ap_directive_t *tree, apr_pool_t *pool)
{
    ra_ssl_scope_t outer = {0};
    scan(&outer, tree, 0);
    const char *wrong = judge(&outer, pool);
    return wrong != NULL ? wrong : judge_hosts(&outer, tree, pool);
}
