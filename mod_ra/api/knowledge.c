/* Fault codes, articles, telephone numbers, regions, files for everybody; reasons for a rejection for staff. Layer: api. */
#include "api/resources.h"
#include "business/service/downloads.h"
#include "business/service/knowledge.h"

#define PUBLIC_FOR_A_MINUTE "public, max-age=60"

static apr_status_t answer_list(ra_call_t *call, ra_knowledge_e kind, const char *name, const char *cache_control)
{
    ra_json_t *items;
    apr_status_t status = ra_knowledge_list(&items, call->act.tx, kind, name);

    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        ra_json_set_copy(call->answer, "items", items);
        call->cache_control = cache_control;
    }
    return status;
}

apr_status_t ra_list_faults(ra_call_t *call)
{
    const char *typed = ra_call_text(call, "code");

    return answer_list(call, RA_KNOWLEDGE_FAULT, typed ? ra_fault_digits(typed, call->act.tx->pool) : NULL,
                       PUBLIC_FOR_A_MINUTE);
}

apr_status_t ra_list_articles(ra_call_t *call)
{
    return answer_list(call, RA_KNOWLEDGE_ARTICLE, NULL, PUBLIC_FOR_A_MINUTE);
}

apr_status_t ra_get_article(ra_call_t *call)
{
    ra_json_t *items;
    apr_status_t status = ra_knowledge_list(&items, call->act.tx, RA_KNOWLEDGE_ARTICLE, ra_call_text(call, "slug"));

    if (status == APR_SUCCESS && ra_json_size(items) == 0) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        for (const ra_json_t *member = ra_json_first(ra_json_first(items)); member; member = ra_json_next(member)) {
            ra_json_set_copy(call->answer, ra_json_name(member), member);
        }
        call->cache_control = PUBLIC_FOR_A_MINUTE;
    }
    return status;
}

apr_status_t ra_list_contacts(ra_call_t *call)
{
    return answer_list(call, RA_KNOWLEDGE_CONTACT, NULL, PUBLIC_FOR_A_MINUTE);
}

apr_status_t ra_list_regions(ra_call_t *call)
{
    return answer_list(call, RA_KNOWLEDGE_REGION, NULL, PUBLIC_FOR_A_MINUTE);
}

apr_status_t ra_list_rejection_reasons(ra_call_t *call)
{
    return answer_list(call, RA_KNOWLEDGE_REASON, NULL, NULL);
}

apr_status_t ra_list_downloads(ra_call_t *call)
{
    apr_status_t status = ra_downloads_list(&call->answer, call->act.ra->downloads, call->act.tx->result, call->act.tx->pool);

    if (status == APR_SUCCESS) {
        call->cache_control = PUBLIC_FOR_A_MINUTE;
    }
    return status;
}
