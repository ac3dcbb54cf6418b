/* The form of an application. Layer: business. */
#include "business/application/application_form.h"

#include <apr_strings.h>
#include <string.h>

#include "base/limits.h"
#include "base/sealed.h"
#include "base/text.h"
#include "business/application/subscriber_record.h"
#include "business/ca/pair.h"
#include "business/people/national_ids.h"

#define SEAL_LABEL "personal"

static const char *seal_context(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "applications.personal_sealed:", id, NULL);
}

static const unsigned char *id_number_hash(const ra_act_t *act, const char *number)
{
    unsigned char *mac = apr_palloc(act->tx->pool, RA_SHA256_BYTES);

    ra_keyed_hash(mac, act->ra->keyring, "id_number", ra_bytes_text(number));
    return mac;
}

/* Name to be shown and its search key; a name that deceives the eye is refused, and one of characters that stand for whole phrases (U+FDFA). */
static apr_status_t read_name(const char **pname, const char **pkey, const ra_act_t *act, const char *text, const char *pointer)
{
    ra_result_t *result = act->tx->result;

    *pname = ra_text_clean(text, act->tx->pool);
    *pkey = *pname ? ra_text_name_key(*pname, act->tx->pool) : NULL;
    if (!*pkey || ra_text_length(*pkey) > RA_NAME_KEY_MAX || ra_text_is_deceptive(*pname)) {
        ra_result_violation(result, pointer, RA_VIOLATION_DECEPTIVE_CHARACTERS);
        return ra_refuse(result, RA_PROBLEM_DECEPTIVE_NAME, pointer);
    }
    return APR_SUCCESS;
}

static const char *id_number(const ra_json_t *document, apr_pool_t *pool)
{
    const char *number = ra_json_get_string(document, "number");
    const char *type = ra_json_get_string(document, "type");

    if (number && type && strcmp(type, "resident_id") == 0) {
        const char *clean = ra_national_id_clean(number, pool);

        return clean ? clean : number;
    }
    return number;
}

/* ID number, phone and e-mail leave the clear part and are sealed under the application's id. */
static apr_status_t seal_personal(ra_form_t *form, const ra_act_t *act, const char *id, const ra_json_t *subscriber)
{
    apr_pool_t *pool = act->tx->pool;
    const ra_json_t *contact = ra_json_get(subscriber, "contact");
    const char *number = id_number(ra_json_get(subscriber, "id_document"), pool);
    ra_json_t *personal = ra_json_object_make(pool);

    ra_json_set_string(personal, "id_number", number);
    form->phone = ra_json_get_string(contact, "phone");
    form->email = ra_json_get_string(contact, "email");
    ra_json_set_string(personal, "phone", form->phone);
    ra_json_set_string(personal, "email", form->email);
    form->phone_hash = ra_subscriber_phone_hash(act, form->phone);
    form->id_number_hash = number ? id_number_hash(act, number) : NULL;
    ra_json_remove(ra_json_get_mutable(form->applicant, "contact"), "phone");
    ra_json_remove(ra_json_get_mutable(form->applicant, "contact"), "email");
    ra_json_remove(ra_json_get_mutable(form->applicant, "id_document"), "number");
    return ra_seal_json(&form->personal_sealed, act->ra->keyring, SEAL_LABEL, seal_context(id, pool), personal, pool);
}

static apr_status_t read_subscriber(ra_form_t *form, const ra_act_t *act, const char *id, const ra_json_t *subscriber)
{
    apr_status_t status;

    form->subscriber_kind = ra_json_get_string(subscriber, "kind");
    form->region = ra_json_get_string(subscriber, "region");
    form->agency_id = ra_json_get_string(subscriber, "agency_id");
    form->social_security_no = ra_json_get_string(subscriber, "social_security_no");
    form->organisation_code = ra_json_get_string(ra_json_get(subscriber, "organisation_code"), "value");
    status = read_name(&form->subscriber_name, &form->subscriber_key, act, ra_json_get_string(subscriber, "name"), "/subscriber/name");
    if (status != APR_SUCCESS) {
        return status;
    }
    form->applicant = ra_json_object_make(act->tx->pool);
    for (const ra_json_t *member = ra_json_first(subscriber); member; member = ra_json_next(member)) {
        ra_json_set_copy(form->applicant, ra_json_name(member), member);
    }
    ra_json_set_string(form->applicant, "name", form->subscriber_name);
    return seal_personal(form, act, id, subscriber);
}

/* A certificate for an organisation or a server belongs to an organisation; a person's may belong to either. */
static int kind_fits(const ra_form_t *form)
{
    return (form->business->kinds & (1u << form->kind)) &&
           (form->kind == RA_KIND_PERSON || strcmp(form->subscriber_kind, "organisation") == 0);
}

static apr_status_t check_places(const ra_form_t *form, const ra_act_t *act)
{
    ra_result_t *result = act->tx->result;
    apr_int64_t found;
    apr_status_t status = ra_sql_int(act->tx, &found, "SELECT 1 FROM agencies WHERE id = ?", RA_VALUES(ra_v_uuid(form->agency_id)));

    if (status == APR_ENOENT) {
        ra_result_violation(result, "/subscriber/agency_id", RA_VIOLATION_UNKNOWN_REFERENCE);
        return ra_refuse(result, RA_PROBLEM_AGENCY_UNKNOWN, NULL);
    }
    if (status == APR_SUCCESS && act->who && !act->who->is_system) {
        ra_sight_t sight = ra_principal_sight(act->who, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, act->tx->pool);

        if (!ra_sight_allows(&sight, form->region, form->agency_id, act->who->id)) {
            ra_result_violation(result, "/subscriber/region", RA_VIOLATION_OUTSIDE_REGION);
            return ra_refuse(result, RA_PROBLEM_REGION_OUTSIDE, NULL);
        }
    }
    return status;
}

/* Members of the body that are kept as they are, for the businesses that ask for them. */
static void read_particulars(ra_form_t *form, const ra_act_t *act, const ra_json_t *body)
{
    static const char *const members[] = {"cause", "revocation_reason", "token"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const ra_json_t *member = ra_json_get(body, members[i]);

        if (member && !form->particulars) {
            form->particulars = ra_json_object_make(act->tx->pool);
        }
        if (member) {
            ra_json_set_copy(form->particulars, members[i], member);
        }
    }
}

static apr_status_t refuse_at(ra_result_t *result, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(result, pointer, violation);
    return ra_refuse(result, problem, NULL);
}

apr_status_t ra_form_read(ra_form_t *form, const ra_act_t *act, const char *id, const ra_json_t *body)
{
    ra_result_t *result = act->tx->result;
    apr_status_t status;

    memset(form, 0, sizeof(*form));
    form->business = ra_business_find(ra_json_get_string(body, "business"));
    form->kind = ra_kind_of(ra_json_get_string(body, "kind"));
    form->usage = ra_json_get_string(body, "usage");
    form->validity_years = (int)ra_json_get_int(body, "validity_years", 1);
    form->note = ra_json_get_string(body, "note");
    form->target_id = ra_json_get_string(body, "certificate_id");
    read_particulars(form, act, body);
    if (!form->business) {
        return refuse_at(result, "/business", RA_VIOLATION_UNKNOWN_REFERENCE, RA_PROBLEM_BUSINESS_UNKNOWN);
    }
    status = read_name(&form->subject_name, &form->subject_key, act, ra_json_get_string(body, "subject_name"), "/subject_name");
    if (status == APR_SUCCESS) {
        status = read_subscriber(form, act, id, ra_json_get(body, "subscriber"));
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (!kind_fits(form)) {
        return refuse_at(result, "/kind", RA_VIOLATION_KIND_NOT_OFFERED, RA_PROBLEM_KIND_NOT_OFFERED);
    }
    status = ra_pair_check_kind(act, form->kind, form->usage);
    return status == APR_SUCCESS ? check_places(form, act) : status;
}

apr_status_t ra_form_personal(ra_json_t **ppersonal, const ra_act_t *act, const ra_application_t *application)
{
    apr_pool_t *pool = act->tx->pool;

    if (ra_unseal_json(ppersonal, act->ra->keyring, SEAL_LABEL, seal_context(application->id, pool), application->personal_sealed, &ra_json_limits_request,
                       pool) != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "personal data cannot be unsealed: changed row or missing key");
    }
    return APR_SUCCESS;
}
