/*
 * ra-audit's reader of exported JSON lines and checkpoints (docs/evidence.md). Input: the number of the first batch (one digit), the export's
 * lines, and after a NUL the lines of a file of checkpoints. Whatever is made up ends in a verdict; it is "intact" only for what the key's
 * owner has sealed, and never for an export that is cut off.
 */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/evidence.h"
#include "tools/verify.h"

enum { INTACT = 0, FINDINGS = 1, UNREADABLE = 2 };

/* The constant key of make_corpus, and the roots of all that was ever signed with it: the batches that make_corpus seals. */
static const char public_key[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWzaJDay9fJqWu3Sh7iiz0tdbcuCa\n"
                                 "IO8lz45v2KnwNQ0OFL7Y1GgqNNg1OL3/W5bommZm7A21dF0C+hIQBy33Wg==\n"
                                 "-----END PUBLIC KEY-----\n";
static const char *const sealed_roots[] = {
    "600959b43671b19047c374cd5ecdf5335e19d2c85737b37e59775528458f5a6d",
    "c5e37827ffd4ed8e8b41aa4c0711ae0bebed01a8d01f7818958cd666ec96a69c",
};

/* A file in memory that is opened by its path. */
typedef struct memory_file_t {
    int file;
    const char *path;
} memory_file_t;

static memory_file_t memory_file_make(void)
{
    memory_file_t made = {.file = memfd_create("audit", 0)};

    FUZZ_MUST(made.file >= 0);
    made.path = apr_psprintf(fuzz_lasting(), "/proc/self/fd/%d", made.file);
    return made;
}

static void memory_file_write(const memory_file_t *to, const void *data, size_t size)
{
    FUZZ_MUST(ftruncate(to->file, 0) == 0 && pwrite(to->file, data, size, 0) == (ssize_t)size);
}

/* What is wrong with made-up lines is of no interest here. */
static int verify_quietly(const ra_verify_options_t *options, apr_pool_t *pool)
{
    static FILE *nowhere;
    FILE *out = stdout, *errors = stderr;
    int code;

    if (!nowhere) {
        nowhere = fopen("/dev/null", "w");
        FUZZ_MUST(nowhere != NULL);
    }
    stdout = stderr = nowhere;
    code = ra_verify_export(options, pool);
    stdout = out;
    stderr = errors;
    return code;
}

static int is_sealed(const char *root)
{
    for (size_t i = 0; i < sizeof(sealed_roots) / sizeof(sealed_roots[0]); i++) {
        if (strcmp(root, sealed_roots[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Every batch or checkpoint among the lines is one that was sealed. */
static void demand_sealed(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    for (const uint8_t *end; size > 0; size -= (size_t)(end - data), data = end) {
        const uint8_t *feed = memchr(data, '\n', size);
        ra_json_error_t error;
        ra_json_t *line = NULL;
        const char *statement;

        end = feed ? feed + 1 : data + size;
        FUZZ_MUST(ra_json_parse(&line, (const char *)data, (apr_size_t)(end - data), &ra_json_limits_document, &error, pool) == APR_SUCCESS);
        statement = ra_evidence_statement(line, pool);
        if (statement) {
            ra_hash_t root = ra_evidence_root(statement);

            FUZZ_MUST(is_sealed(ra_hash_hex(&root, pool)));
        }
    }
}

/* Without its last line, an export of several lines is noticed to be cut off. */
static void demand_end(const ra_verify_options_t *options, const memory_file_t *file, const uint8_t *data, size_t size, apr_pool_t *pool)
{
    const uint8_t *feed = size > 1 ? memrchr(data, '\n', size - 1) : NULL;

    if (feed) {
        memory_file_write(file, data, (size_t)(feed - data) + 1);
        FUZZ_MUST(verify_quietly(options, pool) != INTACT);
    }
}

static const memory_file_t *key_file(void)
{
    static memory_file_t file;

    if (!file.path) {
        file = memory_file_make();
        memory_file_write(&file, public_key, sizeof(public_key) - 1);
    }
    return &file;
}

static apr_array_header_t *list_of(const char *path, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(const char *));

    if (path) {
        APR_ARRAY_PUSH(list, const char *) = path;
    }
    return list;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static memory_file_t exported, checkpoints;
    apr_pool_t *pool = fuzz_begin();
    ra_verify_options_t options = {.from = 1};
    const uint8_t *nul;
    size_t len;
    int code;

    if (!exported.path) {
        exported = memory_file_make();
        checkpoints = memory_file_make();
    }
    if (size > 0) {
        options.from = *data >= '1' && *data <= '9' ? *data - '0' : 1;
        data++;
        size--;
    }
    nul = size > 0 ? memchr(data, 0, size) : NULL;
    len = nul ? (size_t)(nul - data) : size;
    memory_file_write(&exported, data, len);
    if (nul) {
        memory_file_write(&checkpoints, nul + 1, size - len - 1);
    }
    options.path = exported.path;
    options.keys = list_of(key_file()->path, pool);
    options.checkpoints = list_of(nul ? checkpoints.path : NULL, pool);
    code = verify_quietly(&options, pool);
    FUZZ_MUST(code == INTACT || code == FINDINGS || code == UNREADABLE);
    if (code == INTACT) {
        demand_sealed(data, len, pool);
        demand_sealed(nul ? nul + 1 : data, nul ? size - len - 1 : 0, pool);
        demand_end(&options, &exported, data, len, pool);
    }
    return 0;
}
