/* See evidence.h. Layer: base. Thread rule: free-threaded. */
#include "base/evidence.h"

#include <string.h>

static const char *const integers[] = {"number", "event_count"};
static const char *const texts[] = {"previous_root", "merkle_root", "first_event", "last_event", "sealed_at", "seen_until", "key_sha256"};
#define COUNT(list) (sizeof(list) / sizeof(list[0]))

ra_hash_t ra_evidence_leaf(const ra_json_t *event, apr_pool_t *pool)
{
    return ra_merkle_leaf(ra_bytes_text(ra_json_canonical(event, pool)), pool);
}

const char *ra_evidence_statement(const ra_json_t *batch, apr_pool_t *pool)
{
    ra_json_t *statement = ra_json_object_make(pool);

    ra_json_set_int(statement, "format", RA_EVIDENCE_FORMAT);
    for (size_t i = 0; i < COUNT(integers); i++) {
        const ra_json_t *value = ra_json_get(batch, integers[i]);

        if (!ra_json_is_integer(value)) {
            return NULL;
        }
        ra_json_set_copy(statement, integers[i], value);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *value = ra_json_get_string(batch, texts[i]);

        if (!value) {
            return NULL;
        }
        ra_json_set_string(statement, texts[i], value);
    }
    return ra_json_canonical(statement, pool);
}

ra_hash_t ra_evidence_root(const char *statement)
{
    ra_hash_t root;

    ra_sha256(root.bytes, statement, strlen(statement));
    return root;
}
