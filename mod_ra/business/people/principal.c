/* Principals: look-up by certificate, the first administrator, sight. Layer: business. */
#include "business/people/principal.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/x509.h"
#include "business/evidence/audit.h"

/* A row for each role of a person or scope of a system: two lists made by subqueries cost MariaDB more than the whole rest. */
static const char find_sql[] =
    "SELECT p.id AS id, p.kind AS kind, p.name AS name, p.disabled_at AS disabled_at, c.disabled_at AS credential_disabled_at,"
    " c.sha256 AS sha256, c.not_after AS not_after, c.not_after < UTC_TIMESTAMP(6) AS credential_expired,"
    " o.id AS office_id, o.name AS office_name, o.region AS office_region, a.id AS agency_id, a.name AS agency_name,"
    " r.role AS role, r.province_wide AS province_wide, s.scope AS scope"
    " FROM credentials c JOIN principals p ON p.id = c.principal_id"
    " LEFT JOIN offices o ON o.id = p.office_id LEFT JOIN agencies a ON a.id = p.agency_id"
    " LEFT JOIN principal_roles r ON r.principal_id = p.id LEFT JOIN principal_scopes s ON s.principal_id = p.id"
    " WHERE c.sha256 = ?";

static const char *keep(const ra_json_t *row, const char *name, apr_pool_t *pool)
{
    return apr_pstrdup(pool, ra_json_get_string(row, name));
}

static void read_rights(ra_principal_t *who, const ra_json_t *row)
{
    for (; row; row = ra_json_next(row)) {
        const char *role = ra_json_get_string(row, "role"), *scope = ra_json_get_string(row, "scope");
        ra_roles_t roles = role ? ra_role_of(role) : 0;

        who->roles |= roles;
        who->province_roles |= ra_json_get_bool(row, "province_wide", 0) ? roles : 0;
        who->scopes |= scope ? ra_scope_of(scope) : 0;
    }
}

/* Why nobody is let in who is known: each has a remedy of its own. A certificate may run out on a connection that was opened before. */
static const char *refusal_of(const ra_json_t *row)
{
    return ra_json_get(row, "disabled_at")              ? RA_PROBLEM_PRINCIPAL_DISABLED
           : ra_json_get(row, "credential_disabled_at") ? RA_PROBLEM_CERTIFICATE_DISABLED
           : ra_json_get_int(row, "credential_expired", 1) ? RA_PROBLEM_CERTIFICATE_EXPIRED
                                                           : NULL;
}

apr_status_t ra_principal_find(ra_principal_t **pwho, ra_tx_t *tx, ra_bytes_t certificate, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];
    const char *problem;
    ra_principal_t *who;
    const ra_json_t *row;
    ra_json_t *rows;
    apr_status_t status;

    *pwho = NULL;
    ra_sha256(digest, certificate.data, certificate.len);
    status = ra_sql_rows(tx, &rows, find_sql, RA_VALUES(ra_v_hash(digest)));
    if (status != APR_SUCCESS) {
        return status;
    }
    row = ra_json_first(rows);
    if (!row) {
        return ra_refuse(tx->result, RA_PROBLEM_CERTIFICATE_UNKNOWN, "no principal has this certificate");
    }
    problem = refusal_of(row);
    if (problem) {
        return ra_refuse(tx->result, problem, "the principal or its certificate is disabled or expired");
    }
    who = apr_pcalloc(pool, sizeof(*who));
    who->id = keep(row, "id", pool);
    who->name = keep(row, "name", pool);
    who->is_system = strcmp(ra_json_get_string(row, "kind"), "system") == 0;
    who->office_id = keep(row, "office_id", pool);
    who->office_name = keep(row, "office_name", pool);
    who->office_region = keep(row, "office_region", pool);
    who->agency_id = keep(row, "agency_id", pool);
    who->agency_name = keep(row, "agency_name", pool);
    who->credential_sha256 = keep(row, "sha256", pool);
    who->credential_not_after = keep(row, "not_after", pool);
    read_rights(who, row);
    *pwho = who;
    return APR_SUCCESS;
}

/* The person that the directive names, and the one role it gets. */
static apr_status_t insert_first_administrator(ra_tx_t *tx, const char *id, const ra_cert_t *cert)
{
    const char *name = ra_name_get(&cert->subject, "CN");
    apr_status_t status = ra_sql_change(tx, NULL,
                                        "INSERT INTO principals (id, kind, name, created_at, updated_at)"
                                        " VALUES (?, 'person', LEFT(?, 100), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                                        RA_VALUES(ra_v_uuid(id), ra_v_text(name ? name : cert->subject.text)));

    if (status == APR_SUCCESS) {
        status = ra_sql_change(tx, NULL, "INSERT INTO principal_roles (principal_id, role, province_wide) VALUES (?, 'administrator', 1)",
                               RA_VALUES(ra_v_uuid(id)));
    }
    return status;
}

static apr_status_t note_first_administrator(ra_tx_t *tx, const char *id, ra_bytes_t certificate)
{
    ra_act_t act = {NULL, tx, NULL};
    ra_audit_t audit = {.event = "first_administrator", .outcome = "done", .object_type = "person", .object_id = id, .certificate = certificate};

    return ra_audit_write(&act, &audit);
}

apr_status_t ra_principal_bootstrap(ra_tx_t *tx, const ra_t *ra, ra_bytes_t certificate)
{
    unsigned char digest[RA_SHA256_BYTES];
    const char *person = ra_uuid_make(tx->pool);
    const char *credential = ra_uuid_make(tx->pool);
    ra_cert_t *cert;
    apr_status_t status;

    ra_sha256(digest, certificate.data, certificate.len);
    if (!ra->settings->first_administrator ||
        strcmp(ra->settings->first_administrator, ra_hex(ra_bytes_of(digest, sizeof(digest)), tx->pool)) != 0) {
        return APR_ENOENT;
    }
    if (!person || !credential || ra_cert_parse(&cert, certificate, tx->result, tx->pool) != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    status = insert_first_administrator(tx, person, cert);
    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(tx, NULL,
                           "INSERT INTO credentials (id, principal_id, sha256, issuer, subject, serial, not_before, not_after, bound_at)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                           RA_VALUES(ra_v_uuid(credential), ra_v_uuid(person), ra_v_hash(digest), ra_v_text(cert->issuer.text),
                                     ra_v_text(cert->subject.text), ra_v_text(cert->serial), ra_v_time(cert->not_before),
                                     ra_v_time(cert->not_after)));
    /* Another child was faster: the row is there, which is all that was wanted; ours is rolled back. */
    return status == APR_EEXIST ? RA_ERETRY : status == APR_SUCCESS ? note_first_administrator(tx, person, certificate) : status;
}

/* Of "140000" the digits "14" say what it covers, of "140100" the digits "1401" (GB/T 2260). */
static apr_size_t region_digits(const char *region)
{
    apr_size_t len = strlen(region);

    while (len > 2 && region[len - 1] == '0' && region[len - 2] == '0') {
        len -= 2;
    }
    return len;
}

static const char *region_prefix(const char *region, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, region, region_digits(region));
}

ra_actor_t ra_principal_actor(const ra_principal_t *who)
{
    ra_actor_t actor = {NULL, 0, 0, NULL};

    if (who) {
        actor.id = who->id;
        actor.roles = who->roles;
        actor.scopes = who->scopes;
        actor.agency_id = who->agency_id;
    }
    return actor;
}

ra_actor_t ra_principal_actor_in(const ra_principal_t *who, const char *region)
{
    ra_actor_t actor = ra_principal_actor(who);
    const char *own = who ? who->office_region : NULL;

    if (who && !(own && strncmp(region, own, region_digits(own)) == 0)) {
        actor.roles &= who->province_roles | RA_ROLE_AGENCY; /* whose cases it is, the engine knows */
    }
    return actor;
}

ra_sight_t ra_principal_sight(const ra_principal_t *who, ra_roles_t roles, apr_pool_t *pool)
{
    ra_sight_t sight = {0, NULL, NULL, NULL};
    ra_roles_t held = who->roles & roles;

    if (who->is_system) {
        sight.system_id = who->id;
        sight.agency_id = (who->scopes & RA_SCOPE_AGENCY_DECIDE) ? who->agency_id : NULL;
    } else if (who->province_roles & roles & ~(ra_roles_t)RA_ROLE_AGENCY) {
        sight.everything = 1;
    } else if ((held & ~(ra_roles_t)RA_ROLE_AGENCY) && who->office_region) {
        sight.region_prefix = region_prefix(who->office_region, pool);
    } else if (held & RA_ROLE_AGENCY) {
        sight.agency_id = who->agency_id;
    }
    return sight;
}

int ra_sight_allows(const ra_sight_t *sight, const char *region, const char *agency_id, const char *submitted_by)
{
    if (sight->everything) {
        return 1;
    }
    if (sight->region_prefix) {
        return region && strncmp(region, sight->region_prefix, strlen(sight->region_prefix)) == 0;
    }
    return (sight->agency_id && agency_id && strcmp(sight->agency_id, agency_id) == 0) ||
           (sight->system_id && submitted_by && strcmp(sight->system_id, submitted_by) == 0);
}

/* Where a prefix of a region is looked for, by its length. */
#define AND " AND "
#define REGION(digits, column) {digits, column, AND "a." column " = ?"}
static const struct {
    apr_size_t digits;
    const char *column;
    const char *clause;
} regions[] = {REGION(2, "region_2"), REGION(4, "region_4"), REGION(6, "region")};

static int region_at(const char *prefix)
{
    apr_size_t digits = strlen(prefix);

    return digits == regions[0].digits ? 0 : digits == regions[1].digits ? 1 : 2;
}

const char *ra_region_clause(const char *prefix)
{
    return prefix && *prefix ? regions[region_at(prefix)].clause : "";
}

const char *ra_sight_column(const ra_sight_t *sight)
{
    if (sight->everything || (sight->agency_id && sight->system_id)) {
        return NULL;
    }
    if (sight->region_prefix) {
        return regions[region_at(sight->region_prefix)].column;
    }
    return sight->agency_id ? "agency_id" : sight->system_id ? "submitted_by" : NULL;
}

const char *ra_sight_clause(const ra_sight_t *sight, ra_value_t *values, int *pcount)
{
    if (sight->everything) {
        return "1 = 1";
    }
    if (sight->region_prefix) {
        values[(*pcount)++] = ra_v_text(sight->region_prefix);
        return regions[region_at(sight->region_prefix)].clause + strlen(AND);
    }
    if (sight->agency_id) {
        values[(*pcount)++] = ra_v_uuid(sight->agency_id);
    }
    if (sight->system_id) {
        values[(*pcount)++] = ra_v_uuid(sight->system_id);
    }
    if (sight->agency_id && sight->system_id) {
        return "(a.agency_id = ? OR a.submitted_by = ?)";
    }
    return sight->agency_id ? "a.agency_id = ?" : sight->system_id ? "a.submitted_by = ?" : "1 = 0";
}
