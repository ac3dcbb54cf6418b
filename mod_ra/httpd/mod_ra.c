/*
 * The module record and its hooks: the one symbol that the module exports.
 * Layer: httpd. Thread rule: httpd's main thread reads this once for each configuration.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>

#include "httpd/body.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/handler.h"
#include "httpd/inbound.h"
#include "httpd/metrics.h"

static void register_hooks(apr_pool_t *pool)
{
    static const char *const watchdog[] = {"mod_watchdog.c", NULL};
    (void)pool;
    ap_hook_check_config(ra_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(ra_post_config, NULL, watchdog, APR_HOOK_MIDDLE);
    /* The runner's thread starts in mod_watchdog's child_init and needs what ours makes. */
    ap_hook_child_init(ra_child_init, NULL, watchdog, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(ra_child_stopping, NULL, watchdog, APR_HOOK_FIRST);

    /* After mod_remoteip (the client's address) and mod_ssl (host of the handshake against host of the request). */
    ap_hook_post_read_request(ra_inbound_read, NULL, NULL, APR_HOOK_LAST);
    /* Before mod_cache: a refused request gets no cached answer. */
    ap_hook_quick_handler(ra_inbound_quick, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(ra_inbound_translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(ra_inbound_map, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_type_checker(ra_inbound_type, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(ra_handler, NULL, NULL, APR_HOOK_FIRST);
    ra_body_register();
    ap_hook_log_transaction(ra_metrics_log, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) ra_module = {
    STANDARD20_MODULE_STUFF,
    NULL, /* per directory */
    NULL,
    ra_server_create,
    ra_server_merge,
    ra_commands,
    register_hooks,
    AP_MODULE_FLAG_NONE};
