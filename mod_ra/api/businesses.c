/* The table of businesses as data (docs/business.md): what a guide shows, and what the document is compared with. Layer: api. */
#include "api/resources.h"
#include "business/lifecycle/guide.h"
#include "business/lifecycle/lifecycle.h"

typedef const char *(*name_fn)(unsigned bit);

/* The names of a set's members, in the order of their bits. */
static void add_set(ra_json_t *object, const char *member, unsigned set, int count, name_fn name)
{
    ra_json_t *names = ra_json_set_array(object, member);

    for (int i = 0; i < count; i++) {
        if (set & (1u << i)) {
            ra_json_add_string(names, name(1u << i));
        }
    }
}

static void add_materials(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *materials = ra_json_set_object(object, "materials");

    for (int kind = 0; kind < RA_KIND_COUNT; kind++) {
        if (business->kinds & (1u << kind)) {
            add_set(materials, ra_kind_name((ra_kind_e)kind), business->materials[kind], RA_MATERIAL_COUNT, ra_material_name);
        }
    }
}

static void add_steps(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *steps = ra_json_set_array(object, "steps");

    for (int i = 0; i < business->step_count; i++) {
        const ra_business_step_t *row = &business->steps[i];
        ra_json_t *step = ra_json_add_object(steps);

        ra_json_set_string(step, "step", ra_step_name(row->step));
        ra_json_set_texts(step, "name", ra_step_title(row->step, 0), ra_step_title(row->step, 1));
        ra_json_set_string(step, "state", ra_state_name((ra_state_e)row->step));
        add_set(step, "roles", row->roles, RA_ROLE_COUNT, ra_role_name);
        add_set(step, "scopes", row->scopes, RA_SCOPE_COUNT, ra_scope_name);
        ra_json_set_string(step, "same_hand", row->same_hand == RA_STEP_NONE ? NULL : ra_step_name(row->same_hand));
    }
}

static void add_separate_hands(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *pairs = ra_json_set_array(object, "separate_hands");

    for (int i = 0; i < business->separate_count; i++) {
        ra_json_t *pair = ra_json_add_array(pairs);

        ra_json_add_string(pair, ra_step_name(business->separate[i][0]));
        ra_json_add_string(pair, ra_step_name(business->separate[i][1]));
    }
}

/* What the business is about and what it does to that certificate. */
static void add_certificate(ra_json_t *object, const ra_business_t *business)
{
    add_set(object, "takes", business->takes, RA_CERTIFICATE_STATUS_COUNT, ra_certificate_status_name);
    add_set(object, "asks", business->asks, RA_ASKS_COUNT, ra_asks_name);
    ra_json_set_string(object, "effect", ra_effect_name(business->effect));
    ra_json_set_string(object, "old_certificate", ra_fate_name(business));
    ra_json_set_bool(object, "changes_name", business->changes_name);
    ra_json_set_bool(object, "keeps_key", business->keeps_key);
    ra_json_set_bool(object, "tells_void", business->tells_void);
}

static void add_guide(ra_json_t *object, const ra_business_t *business)
{
    ra_json_t *guide = ra_json_set_array(object, "guide");
    const ra_guide_line_t *line;

    for (int place = 0; (line = ra_guide_next(business, &place));) {
        ra_json_t *item = ra_json_add_object(guide);

        ra_json_set_string(item, "topic", line->topic);
        ra_json_set_texts(item, "text", line->zh, line->en);
    }
}

static void add_word(ra_json_t *words, const ra_json_t *known, const char *name)
{
    ra_json_set_copy(words, name, ra_json_get(known, name));
}

/* Materials, roles and states in the reader's languages: the words of the problem texts, which are written once. */
static void add_words(ra_call_t *call)
{
    const ra_json_t *known = ra_json_get(ra_spec_problems(call->api->spec), "x-ra-words");
    ra_json_t *words = ra_json_set_object(call->answer, "words");

    for (int i = 0; i < RA_MATERIAL_COUNT; i++) {
        add_word(words, known, ra_material_name(1u << i));
    }
    for (int i = 0; i < RA_ROLE_COUNT; i++) {
        add_word(words, known, ra_role_name(1u << i));
    }
    for (int i = 0; i < RA_STATE_COUNT; i++) {
        add_word(words, known, ra_state_name((ra_state_e)i));
    }
}

apr_status_t ra_list_businesses(ra_call_t *call)
{
    const ra_business_t *business;
    ra_json_t *items;

    call->answer = ra_json_object_make(call->act.tx->pool);
    items = ra_json_set_array(call->answer, "items");
    for (int i = 0; (business = ra_business_at(i)); i++) {
        ra_json_t *item = ra_json_add_object(items);

        ra_json_set_string(item, "business", business->name);
        ra_json_set_texts(item, "name", business->zh, business->en);
        ra_json_set_string(item, "form", business->form);
        ra_json_set_texts(item, "form_name", business->form, business->form_en);
        ra_json_set_bool(item, "by_ra", business->by_ra);
        ra_json_set_bool(item, "fee", business->fee);
        ra_json_set_bool(item, "agency_approval", business->steps[0].step == RA_STEP_AGENCY_DECISION);
        add_certificate(item, business);
        add_materials(item, business);
        add_steps(item, business);
        add_separate_hands(item, business);
        add_guide(item, business);
    }
    add_words(call);
    call->cache_control = "public, max-age=60";
    return APR_SUCCESS;
}
