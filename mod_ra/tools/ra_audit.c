/*
 * ra-audit: exports the sealed audit log and checks an export offline. Manual: docs/man/ra-audit.8.
 * Layer: tools; uses what is below api/. Thread rule: one thread.
 */
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/export.h"
#include "tools/verify.h"

#define WRONG_USAGE 2
#define DATABASE_WAIT_SECONDS 10
#define DATABASE_STATEMENT_SECONDS 3600 /* looking through a large log takes its time */
#define PASSWORD_MAX 1024

static const char usage_text[] =
    "usage: ra-audit export --out FILE [--from NUMBER] [--checkpoint FILE] [database options]\n"
    "       ra-audit checkpoint --out FILE [database options]\n"
    "       ra-audit verify FILE --key PEM … [--checkpoint FILE …] [--from NUMBER]\n"
    "database options: --socket S | --host H [--port P] [--ca-file F]; --user U --database D (ra) --password-file F\n"
    "exit status: 0 done, or the export is intact; 1 verify has findings; 2 wrong usage, or something cannot be read\n";

enum { OPT_OUT = 256, OPT_FROM, OPT_CHECKPOINT, OPT_KEY, OPT_SOCKET, OPT_HOST, OPT_PORT, OPT_CA, OPT_USER, OPT_DATABASE, OPT_PASSWORD, OPT_HELP };

static const apr_getopt_option_t option_table[] = {
    {"out", OPT_OUT, 1, ""},           {"from", OPT_FROM, 1, ""},         {"checkpoint", OPT_CHECKPOINT, 1, ""},
    {"key", OPT_KEY, 1, ""},           {"socket", OPT_SOCKET, 1, ""},     {"host", OPT_HOST, 1, ""},
    {"port", OPT_PORT, 1, ""},         {"ca-file", OPT_CA, 1, ""},        {"user", OPT_USER, 1, ""},
    {"database", OPT_DATABASE, 1, ""}, {"password-file", OPT_PASSWORD, 1, ""}, {"help", OPT_HELP, 0, ""},
    {NULL, 0, 0, NULL},
};

typedef struct options_t {
    ra_store_config_t store;
    const char *out;
    const char *from;
    apr_array_header_t *keys;
    apr_array_header_t *checkpoints;
    apr_array_header_t *files; /* arguments that are no options */
    int has_store;             /* a database option was given */
} options_t;

static int wrong_usage(const char *what)
{
    fprintf(stderr, "ra-audit: %s\n%s", what, usage_text);
    return WRONG_USAGE;
}

/* The first line of a file. @return NULL after saying why not */
static const char *read_password(const char *path, apr_pool_t *pool)
{
    char *password = apr_pcalloc(pool, PASSWORD_MAX);
    FILE *file = fopen(path, "r");
    int is_read = file && fgets(password, PASSWORD_MAX, file);

    if (file) {
        fclose(file);
    }
    password[strcspn(password, "\r\n")] = '\0';
    if (!is_read || !*password) {
        fprintf(stderr, "ra-audit: %s: the first line must be the password\n", path);
        return NULL;
    }
    return password;
}

/* @return 1 when it was an option for the database, 0 for another, -1 for one that cannot be used */
static int take_store_option(ra_store_config_t *store, int option, const char *value, apr_pool_t *pool)
{
    switch (option) {
    case OPT_SOCKET:
        store->socket = value;
        return 1;
    case OPT_HOST:
        store->host = value;
        return 1;
    case OPT_PORT:
        store->port = atoi(value);
        return store->port > 0 && store->port < 65536 ? 1 : -1;
    case OPT_CA:
        store->ca_file = value;
        return 1;
    case OPT_USER:
        store->user = value;
        return 1;
    case OPT_DATABASE:
        store->database = value;
        return 1;
    case OPT_PASSWORD:
        store->password = read_password(value, pool);
        return store->password ? 1 : -1;
    default:
        return 0;
    }
}

static void take_option(options_t *options, int option, const char *value)
{
    switch (option) {
    case OPT_OUT:
        options->out = value;
        break;
    case OPT_FROM:
        options->from = value;
        break;
    case OPT_CHECKPOINT:
        APR_ARRAY_PUSH(options->checkpoints, const char *) = value;
        break;
    default:
        APR_ARRAY_PUSH(options->keys, const char *) = value;
        break;
    }
}

/* @return 0, or the exit code */
static int read_options(options_t *options, int argc, const char *const *argv, apr_pool_t *pool)
{
    apr_getopt_t *state;
    apr_status_t status;
    const char *value;
    int option, is_store;

    apr_getopt_init(&state, pool, argc, argv);
    state->interleave = 1;
    while ((status = apr_getopt_long(state, option_table, &option, &value)) == APR_SUCCESS) {
        if (option == OPT_HELP) {
            fputs(usage_text, stdout);
            exit(0);
        }
        is_store = take_store_option(&options->store, option, value, pool);
        if (is_store < 0) {
            return WRONG_USAGE;
        }
        options->has_store |= is_store;
        if (!is_store) {
            take_option(options, option, value);
        }
    }
    if (status != APR_EOF) {
        return WRONG_USAGE;
    }
    for (int i = state->ind; i < argc; i++) {
        APR_ARRAY_PUSH(options->files, const char *) = state->argv[i];
    }
    return 0;
}

/* A number from 1 on; 0 when it is none. */
static apr_int64_t number_of(const char *text)
{
    char *end = NULL;
    apr_int64_t number;

    if (!text) {
        return 1;
    }
    number = apr_strtoi64(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' ? number : 0;
}

static int run_export(options_t *options, int is_checkpoint, apr_pool_t *pool)
{
    ra_export_options_t export = {.store = options->store, .from = number_of(options->from)};

    if (!options->out || options->files->nelts || options->keys->nelts || options->checkpoints->nelts > 1 || export.from < 1) {
        return wrong_usage("export and checkpoint need --out FILE, and know no --key");
    }
    if (!options->store.socket == !options->store.host) {
        return wrong_usage("--socket or --host is needed");
    }
    export.out = is_checkpoint ? NULL : options->out;
    export.checkpoint = is_checkpoint ? options->out : options->checkpoints->nelts ? APR_ARRAY_IDX(options->checkpoints, 0, const char *) : NULL;
    return ra_export_run(&export, pool);
}

static int run_verify(options_t *options, apr_pool_t *pool)
{
    ra_verify_options_t verify = {.from = number_of(options->from), .keys = options->keys, .checkpoints = options->checkpoints};

    if (options->files->nelts != 1 || !options->keys->nelts || options->out || options->has_store || verify.from < 1) {
        return wrong_usage("verify needs one FILE and --key PEM");
    }
    verify.path = APR_ARRAY_IDX(options->files, 0, const char *);
    return ra_verify_export(&verify, pool);
}

static int run(int argc, const char *const *argv, apr_pool_t *pool)
{
    options_t options = {.store = {.user = "ra", .database = "ra", .port = 3306, .pool_max = 1,
                                   .wait = apr_time_from_sec(DATABASE_WAIT_SECONDS),
                                   .timeout = apr_time_from_sec(DATABASE_STATEMENT_SECONDS)}};
    const char *command = argc > 1 ? argv[1] : "";
    int code;

    options.keys = apr_array_make(pool, 2, sizeof(const char *));
    options.checkpoints = apr_array_make(pool, 2, sizeof(const char *));
    options.files = apr_array_make(pool, 2, sizeof(const char *));
    if (strcmp(command, "--help") == 0) {
        fputs(usage_text, stdout);
        return 0;
    }
    code = argc > 1 ? read_options(&options, argc - 1, argv + 1, pool) : WRONG_USAGE;
    if (code != 0) {
        return argc > 1 ? code : wrong_usage("which command?");
    }
    if (strcmp(command, "verify") == 0) {
        return run_verify(&options, pool);
    }
    if (strcmp(command, "export") == 0 || strcmp(command, "checkpoint") == 0) {
        return run_export(&options, strcmp(command, "checkpoint") == 0, pool);
    }
    return wrong_usage("which command?");
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool;
    int code;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return WRONG_USAGE;
    }
    code = run(argc, argv, pool);
    apr_pool_destroy(pool);
    apr_terminate();
    return code;
}
