/* People and business systems. Layer: business. */
#include "business/people/directory.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "base/x509.h"

static const char *const kind_names[] = {"person", "system"};

#define PRINCIPAL                                                                                                      \
    "SELECT p.id AS id, p.name AS name, p.staff_number AS staff_number, o.id AS `office.id`, o.name AS `office.name`,"  \
    " o.region AS `office.region`, g.id AS `agency.id`, g.name AS `agency.name`, p.region AS region,"                  \
    " p.disabled_at AS disabled_at, p.disabled_reason AS disabled_reason, p.version AS version, p.created_at AS created_at," \
    " p.updated_at AS updated_at FROM principals p LEFT JOIN offices o ON o.id = p.office_id"                          \
    " LEFT JOIN agencies g ON g.id = p.agency_id WHERE p.kind = ?"

/* --- reading ---------------------------------------------------------------------------------------------------- */

static void flag_disabled(ra_json_t *row)
{
    ra_json_set_bool(row, "disabled", ra_json_get(row, "disabled_at") != NULL);
    ra_json_remove(row, "disabled_at");
}

static apr_status_t add_certificates(ra_json_t *row, const ra_act_t *act)
{
    ra_json_t *rows, *certificates = ra_json_set_array(row, "certificates");
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      "SELECT id AS id, sha256 AS sha256, issuer AS issuer, subject AS subject, serial AS serial,"
                                      " not_before AS not_before, not_after AS not_after, disabled_at AS disabled_at, bound_at AS bound_at"
                                      " FROM credentials WHERE principal_id = ? ORDER BY id", RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));

    for (const ra_json_t *item = ra_json_first(rows); status == APR_SUCCESS && item; item = ra_json_next(item)) {
        ra_json_t *copy = ra_json_add_object(certificates);

        for (const ra_json_t *member = ra_json_first(item); member; member = ra_json_next(member)) {
            ra_json_set_copy(copy, ra_json_name(member), member);
        }
        flag_disabled(copy);
    }
    return status;
}

static apr_status_t add_roles(ra_json_t *row, const ra_act_t *act)
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      "SELECT role AS role, province_wide AS province_wide FROM principal_roles WHERE principal_id = ? ORDER BY role",
                                      RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));

    ra_json_set_copy(row, "roles", rows);
    return status;
}

static apr_status_t add_scopes(ra_json_t *row, const ra_act_t *act)
{
    ra_json_t *rows, *scopes = ra_json_set_array(row, "scopes");
    apr_status_t status = ra_sql_rows(act->tx, &rows, "SELECT scope AS scope FROM principal_scopes WHERE principal_id = ? ORDER BY scope",
                                      RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));

    for (const ra_json_t *item = ra_json_first(rows); status == APR_SUCCESS && item; item = ra_json_next(item)) {
        ra_json_add_string(scopes, ra_json_get_string(item, "scope"));
    }
    return status;
}

static apr_status_t complete(ra_json_t *row, const ra_act_t *act, ra_principal_kind_e kind)
{
    apr_status_t status;

    flag_disabled(row);
    if (kind == RA_PRINCIPAL_PERSON) {
        ra_json_remove(row, "region");
        status = add_roles(row, act);
    } else {
        status = add_scopes(row, act);
    }
    return status == APR_SUCCESS ? add_certificates(row, act) : status;
}

apr_status_t ra_directory_get(ra_json_t **pjson, const ra_act_t *act, ra_principal_kind_e kind, const char *id)
{
    apr_status_t status = ra_sql_row(act->tx, pjson, PRINCIPAL " AND p.id = ?", RA_VALUES(ra_v_text(kind_names[kind]), ra_v_uuid(id)));

    if (status == APR_ENOENT) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    return status == APR_SUCCESS ? complete(*pjson, act, kind) : status;
}

apr_status_t ra_directory_list(ra_json_t **pitems, const ra_act_t *act, const ra_directory_filter_t *filter)
{
    const char *below = filter->before_id ? filter->before_id : "ffffffff-ffff-ffff-ffff-ffffffffffff";
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      PRINCIPAL " AND (? IS NULL OR p.office_id = ?) AND (? IS NULL OR INSTR(p.name, ?) > 0 OR p.staff_number = ?)"
                                                " AND p.id < ? ORDER BY p.id DESC LIMIT ?",
                                      RA_VALUES(ra_v_text(kind_names[filter->kind]), ra_v_uuid(filter->office_id), ra_v_uuid(filter->office_id),
                                                ra_v_text(filter->words), ra_v_text(filter->words), ra_v_text(filter->words), ra_v_uuid(below),
                                                ra_v_int(filter->limit + 1)));

    *pitems = ra_json_array_make(act->tx->pool);
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        ra_json_t *copy = ra_json_merge_patch(row, ra_json_object_make(act->tx->pool), act->tx->pool);

        status = complete(copy, act, filter->kind);
        ra_json_add_copy(*pitems, copy);
    }
    return status;
}

/* --- forms ------------------------------------------------------------------------------------------------------ */

static apr_status_t refuse_at(const ra_act_t *act, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, pointer, violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

static apr_status_t check_exists(const ra_act_t *act, const char *sql, const char *id, const char *pointer, const char *problem)
{
    apr_int64_t found;
    apr_status_t status = id ? ra_sql_int(act->tx, &found, sql, RA_VALUES(ra_v_uuid(id))) : APR_SUCCESS;

    return status == APR_ENOENT ? refuse_at(act, pointer, RA_VIOLATION_UNKNOWN_REFERENCE, problem) : status;
}

static apr_status_t check_form(const char **pname, const ra_act_t *act, const ra_json_t *form)
{
    apr_status_t status;

    *pname = ra_text_clean(ra_json_get_string(form, "name"), act->tx->pool);
    if (!*pname || !**pname || ra_text_is_deceptive(*pname)) {
        return refuse_at(act, "/name", RA_VIOLATION_DECEPTIVE_CHARACTERS, RA_PROBLEM_DECEPTIVE_NAME);
    }
    status = check_exists(act, "SELECT 1 FROM offices WHERE id = ?", ra_json_get_string(form, "office_id"), "/office_id", RA_PROBLEM_OFFICE_UNKNOWN);
    return status == APR_SUCCESS
               ? check_exists(act, "SELECT 1 FROM agencies WHERE id = ?", ra_json_get_string(form, "agency_id"), "/agency_id", RA_PROBLEM_AGENCY_UNKNOWN)
               : status;
}

apr_status_t ra_directory_add(const char **pid, const ra_act_t *act, ra_principal_kind_e kind, const ra_json_t *form)
{
    const char *name;
    apr_status_t status = check_form(&name, act, form);

    *pid = ra_uuid_make(act->tx->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(act->tx, NULL,
                           "INSERT INTO principals (id, kind, name, staff_number, office_id, agency_id, region, created_at, updated_at)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                           RA_VALUES(ra_v_uuid(*pid), ra_v_text(kind_names[kind]), ra_v_text(name), ra_v_text(ra_json_get_string(form, "staff_number")),
                                     ra_v_uuid(ra_json_get_string(form, "office_id")), ra_v_uuid(ra_json_get_string(form, "agency_id")),
                                     ra_v_text(ra_json_get_string(form, "region"))));
    return status == APR_EEXIST ? refuse_at(act, "/staff_number", RA_VIOLATION_TAKEN, RA_PROBLEM_DUPLICATE_NAME) : status;
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static apr_status_t refuse_state(const ra_act_t *act, const char *step, const char *state)
{
    ra_result_param(act->tx->result, "step", step);
    ra_result_param(act->tx->result, "state", state);
    ra_result_param(act->tx->result, "possible", "-");
    return ra_refuse(act->tx->result, RA_PROBLEM_STATE_CONFLICT, NULL);
}

/* Every change: not on oneself, and one version further by compare-and-set. */
static apr_status_t begin_change(const ra_act_t *act, const ra_directory_target_t *target)
{
    apr_uint64_t affected = 0;
    apr_status_t status;

    if (strcmp(act->who->id, target->id) == 0) {
        return ra_refuse(act->tx->result, RA_PROBLEM_SELF_ADMINISTRATION, NULL);
    }
    status = ra_sql_change(act->tx, &affected,
                           "UPDATE principals SET version = version + 1, updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ? AND kind = ?",
                           RA_VALUES(ra_v_uuid(target->id), ra_v_int(target->version), ra_v_text(kind_names[target->kind])));
    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}

apr_status_t ra_directory_update(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *form)
{
    const char *name;
    apr_status_t status = begin_change(act, target);

    if (status == APR_SUCCESS) {
        status = check_form(&name, act, form);
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL, "UPDATE principals SET name = ?, staff_number = ?, office_id = ?, agency_id = ? WHERE id = ?",
                               RA_VALUES(ra_v_text(name), ra_v_text(ra_json_get_string(form, "staff_number")),
                                         ra_v_uuid(ra_json_get_string(form, "office_id")), ra_v_uuid(ra_json_get_string(form, "agency_id")),
                                         ra_v_uuid(target->id)));
    }
    return status == APR_EEXIST ? refuse_at(act, "/staff_number", RA_VIOLATION_TAKEN, RA_PROBLEM_DUPLICATE_NAME) : status;
}

/* Administrator and auditor exclude every business role and each other (domain.md §1); an agency's officer is not the RA's. */
static int roles_exclude(ra_roles_t roles)
{
    static const ra_roles_t alone[] = {RA_ROLE_ADMINISTRATOR, RA_ROLE_AUDITOR, RA_ROLE_AGENCY};

    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        if ((roles & alone[i]) && (roles & ~alone[i])) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t write_roles(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *roles)
{
    apr_status_t status = ra_sql_change(act->tx, NULL, "DELETE FROM principal_roles WHERE principal_id = ?", RA_VALUES(ra_v_uuid(target->id)));

    for (const ra_json_t *grant = ra_json_first(roles); status == APR_SUCCESS && grant; grant = ra_json_next(grant)) {
        status = ra_sql_change(act->tx, NULL, "INSERT INTO principal_roles (principal_id, role, province_wide) VALUES (?, ?, ?)",
                               RA_VALUES(ra_v_uuid(target->id), ra_v_text(ra_json_get_string(grant, "role")),
                                         ra_v_int(ra_json_get_bool(grant, "province_wide", 0))));
    }
    return status == APR_EEXIST ? refuse_at(act, "/roles", RA_VIOLATION_NOT_UNIQUE, RA_PROBLEM_ROLES_EXCLUSIVE) : status;
}

apr_status_t ra_directory_set_roles(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *roles)
{
    ra_roles_t set = 0;
    apr_status_t status;

    for (const ra_json_t *grant = ra_json_first(roles); grant; grant = ra_json_next(grant)) {
        set |= ra_role_of(ra_json_get_string(grant, "role"));
    }
    if (roles_exclude(set)) {
        return refuse_at(act, "/roles", RA_VIOLATION_EXCLUSIVE_ROLE, RA_PROBLEM_ROLES_EXCLUSIVE);
    }
    status = begin_change(act, target);
    return status == APR_SUCCESS ? write_roles(act, target, roles) : status;
}

apr_status_t ra_directory_set_scopes(const ra_act_t *act, const ra_directory_target_t *target, const ra_json_t *scopes)
{
    apr_status_t status = begin_change(act, target);

    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL, "DELETE FROM principal_scopes WHERE principal_id = ?", RA_VALUES(ra_v_uuid(target->id)));
    }
    for (const ra_json_t *scope = ra_json_first(scopes); status == APR_SUCCESS && scope; scope = ra_json_next(scope)) {
        status = ra_sql_change(act->tx, NULL, "INSERT INTO principal_scopes (principal_id, scope) VALUES (?, ?)",
                               RA_VALUES(ra_v_uuid(target->id), ra_v_text(ra_json_string(scope))));
    }
    return status;
}

/* A certificate that says what it is for must say that it is for clients; mod_ssl refuses it otherwise. */
static int is_for_clients(const ra_cert_t *cert)
{
    return !cert->ext_key_usage || !*cert->ext_key_usage || strstr(cert->ext_key_usage, "clientAuth") != NULL;
}

static apr_status_t read_certificate(ra_cert_t **pcert, const ra_act_t *act, const char *pem)
{
    const ra_trust_t *trust = act->ra->settings->credential_trust;

    if (ra_cert_parse_pem(pcert, pem, act->tx->result, act->tx->pool) != APR_SUCCESS) {
        return refuse_at(act, "/certificate", RA_VIOLATION_MALFORMED, RA_PROBLEM_CERTIFICATE_UNREADABLE);
    }
    if (!is_for_clients(*pcert) ||
        (trust && ra_trust_verify(trust, *pcert, apr_time_now(), act->tx->result) != APR_SUCCESS)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_NOT_TRUSTED, NULL);
    }
    return APR_SUCCESS;
}

apr_status_t ra_directory_bind(const ra_act_t *act, const ra_directory_target_t *target, const char *pem)
{
    ra_cert_t *cert;
    apr_status_t status = read_certificate(&cert, act, pem);

    if (status == APR_SUCCESS) {
        status = begin_change(act, target);
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL,
                               "INSERT INTO credentials (id, principal_id, sha256, issuer, subject, serial, not_before, not_after, bound_at)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_uuid(ra_uuid_make(act->tx->pool)), ra_v_uuid(target->id), ra_v_hash(cert->sha256),
                                         ra_v_text(cert->issuer.text), ra_v_text(cert->subject.text), ra_v_text(cert->serial),
                                         ra_v_time(cert->not_before), ra_v_time(cert->not_after)));
    }
    return status == APR_EEXIST ? refuse_at(act, "/certificate", RA_VIOLATION_TAKEN, RA_PROBLEM_DUPLICATE_CREDENTIAL) : status;
}

apr_status_t ra_directory_unbind(const ra_act_t *act, const ra_directory_target_t *target, const char *credential_id)
{
    apr_uint64_t affected = 0;
    apr_int64_t found;
    apr_status_t status = ra_sql_int(act->tx, &found, "SELECT disabled_at IS NOT NULL FROM credentials WHERE id = ? AND principal_id = ?",
                                     RA_VALUES(ra_v_uuid(credential_id), ra_v_uuid(target->id)));

    if (status == APR_ENOENT) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    if (status == APR_SUCCESS && found) {
        return refuse_state(act, "disablement", "disabled");
    }
    if (status == APR_SUCCESS) {
        status = begin_change(act, target);
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, &affected, "UPDATE credentials SET disabled_at = UTC_TIMESTAMP(6) WHERE id = ? AND disabled_at IS NULL",
                               RA_VALUES(ra_v_uuid(credential_id)));
    }
    return status;
}

apr_status_t ra_directory_disable(const ra_act_t *act, const ra_directory_target_t *target, int disable, const char *reason)
{
    apr_int64_t is_disabled;
    apr_status_t status = ra_sql_int(act->tx, &is_disabled, "SELECT disabled_at IS NOT NULL FROM principals WHERE id = ?",
                                     RA_VALUES(ra_v_uuid(target->id)));

    if (status == APR_SUCCESS && is_disabled == disable) {
        return refuse_state(act, disable ? "disablement" : "enablement", disable ? "disabled" : "enabled");
    }
    if (status == APR_SUCCESS) {
        status = begin_change(act, target);
    }
    return status != APR_SUCCESS ? status
                                 : ra_sql_change(act->tx, NULL,
                                                 "UPDATE principals SET disabled_at = IF(?, UTC_TIMESTAMP(6), NULL), disabled_reason = ? WHERE id = ?",
                                                 RA_VALUES(ra_v_int(disable), ra_v_text(disable ? reason : NULL), ra_v_uuid(target->id)));
}
