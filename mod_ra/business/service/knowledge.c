/* Fault codes, articles, telephone numbers, reasons for a rejection, regions. Layer: business. Thread rule: as its transaction. */
#include "business/service/knowledge.h"

#include <apr_strings.h>
#include <string.h>

/* A kind in the table, the member that its name becomes, and what the name is shown with. */
static const struct {
    const char *kind;
    const char *member;
    const char *prefix;
} kinds[] = {
    [RA_KNOWLEDGE_FAULT] = {"fault", "code", "-"},
    [RA_KNOWLEDGE_ARTICLE] = {"article", "slug", ""},
    [RA_KNOWLEDGE_CONTACT] = {"contact", "name", ""},
    [RA_KNOWLEDGE_REASON] = {"reason", "code", ""},
    [RA_KNOWLEDGE_REGION] = {"region", "code", ""},
};

apr_status_t ra_knowledge_list(ra_json_t **pitems, ra_tx_t *tx, ra_knowledge_e kind, const char *name)
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(tx, &rows,
                                      "SELECT name AS name, content AS `content:json` FROM knowledge"
                                      " WHERE kind = ? AND (? IS NULL OR name = ?) ORDER BY position, name",
                                      RA_VALUES(ra_v_text(kinds[kind].kind), ra_v_text(name), ra_v_text(name)));

    if (status != APR_SUCCESS) {
        return status;
    }
    *pitems = ra_json_array_make(tx->pool);
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        ra_json_t *item = ra_json_add_object(*pitems);

        ra_json_set_string(item, kinds[kind].member, apr_pstrcat(tx->pool, kinds[kind].prefix, ra_json_get_string(row, "name"), NULL));
        for (const ra_json_t *member = ra_json_first(ra_json_get(row, "content")); member; member = ra_json_next(member)) {
            if (name || strcmp(ra_json_name(member), "blocks") != 0) {
                ra_json_set_copy(item, ra_json_name(member), member);
            }
        }
    }
    return APR_SUCCESS;
}

const char *ra_fault_digits(const char *typed, apr_pool_t *pool)
{
    const char *digits = typed + strcspn(typed, "0123456789");
    apr_size_t len = strspn(digits, "0123456789");

    return len > 0 ? apr_pstrmemdup(pool, digits, len) : NULL;
}
