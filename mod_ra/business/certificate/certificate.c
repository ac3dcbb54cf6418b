/* Issued certificates. Layer: business. */
#include "business/certificate/certificate.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "business/application/facets.h"

static const char *chain_pem(const apr_array_header_t *chain, apr_pool_t *pool)
{
    const char *pem = NULL;

    for (int i = 0; chain && i < chain->nelts; i++) {
        pem = apr_pstrcat(pool, pem ? pem : "", ra_cert_pem(APR_ARRAY_IDX(chain, i, ra_bytes_t), pool), NULL);
    }
    return pem;
}

apr_status_t ra_certificate_store(const char **pid, const ra_act_t *act, const ra_application_t *application, const ra_issued_t *issued)
{
    apr_pool_t *pool = act->tx->pool;
    const ra_cert_t *cert = issued->cert;
    apr_status_t status;

    *pid = ra_uuid_make(pool);
    status = ra_sql_change(
        act->tx, NULL,
        "INSERT INTO certificates (id, application_id, attempt_id, subscriber_id, kind, cert_usage, region, agency_id, submitted_by,"
        " social_security_no, serial, issuer, subject, subject_name, subject_key, not_before, not_after, key_algorithm, der, chain_pem,"
        " sha256, spki_sha256, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
        RA_VALUES(ra_v_uuid(*pid), ra_v_uuid(application->id), ra_v_uuid(issued->attempt_id), ra_v_uuid(application->subscriber_id),
                  ra_v_text(ra_kind_name(application->kind)), ra_v_text(issued->usage), ra_v_text(application->region),
                  ra_v_uuid(application->agency_id), ra_v_uuid(application->submitted_by), ra_v_text(application->social_security_no),
                  ra_v_text(cert->serial), ra_v_text(cert->issuer.text), ra_v_text(cert->subject.text), ra_v_text(application->subject_name),
                  ra_v_text(application->subject_key), ra_v_time(cert->not_before), ra_v_time(cert->not_after),
                  ra_v_text(ra_key_kind_name(cert->key.kind)), ra_v_bytes(cert->der), ra_v_text(chain_pem(issued->chain, pool)),
                  ra_v_hash(cert->sha256), ra_v_bytes(ra_bytes_of(cert->key.spki_sha256, RA_SHA256_BYTES))));
    return status == APR_EEXIST ? ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "the certificate, or one of its issuer and serial, is stored already") : status;
}

#define CERTIFICATE "SELECT " RA_CERTIFICATE_COLUMNS("")
#define FROM_CERTIFICATES " FROM certificates a JOIN subscribers s ON s.id = a.subscriber_id"

static apr_status_t read_certificate(ra_json_t **pcertificate, const ra_act_t *act, const char *id)
{
    return ra_sql_row(act->tx, pcertificate, CERTIFICATE FROM_CERTIFICATES " WHERE a.id = ?", RA_VALUES(ra_v_uuid(id)));
}

apr_status_t ra_certificate_json(ra_json_t **pcertificate, ra_bytes_t *pder, const ra_act_t *act, const char *id, ra_roles_t roles)
{
    ra_sight_t sight = ra_principal_sight(act->who, roles, act->tx->pool);
    ra_json_t *hidden;
    apr_status_t status = read_certificate(pcertificate, act, id);

    if (status == APR_SUCCESS) {
        status = ra_sql_row(act->tx, &hidden,
                            "SELECT region AS region, agency_id AS agency_id, submitted_by AS submitted_by, der AS `der:b64`"
                            " FROM certificates WHERE id = ?", RA_VALUES(ra_v_uuid(id)));
    }
    if (status == APR_ENOENT ||
        (status == APR_SUCCESS && !ra_sight_allows(&sight, ra_json_get_string(hidden, "region"), ra_json_get_string(hidden, "agency_id"),
                                                   ra_json_get_string(hidden, "submitted_by")))) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    return status == APR_SUCCESS && pder ? ra_base64url_decode(pder, ra_json_get_string(hidden, "der"), act->tx->pool) : status;
}

static unsigned status_bit(const char *word)
{
    static const char *const words[] = {"valid", "expired", "not_yet_valid", "suspended", "revoked"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

apr_status_t ra_target_read(ra_target_t *target, const ra_act_t *act, const char *id)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row,
                                     "SELECT id AS id, application_id AS application_id, serial AS serial, issuer AS issuer, sha256 AS sha256,"
                                     " spki_sha256 AS spki_sha256, " RA_CERTIFICATE_STATUS " AS status, not_after AS not_after, not_after <= UTC_TIMESTAMP(6) AS is_lapsed, region AS region,"
                                     " " RA_IS_SECOND_OF_PAIR " AS is_second,"
                                     " agency_id AS agency_id, submitted_by AS submitted_by, der AS `der:b64` FROM certificates WHERE id = ?",
                                     RA_VALUES(ra_v_uuid(id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    target->id = ra_json_get_string(row, "id");
    target->application_id = ra_json_get_string(row, "application_id");
    target->serial = ra_json_get_string(row, "serial");
    target->issuer = ra_json_get_string(row, "issuer");
    target->sha256 = ra_json_get_string(row, "sha256");
    target->spki_sha256 = ra_json_get_string(row, "spki_sha256");
    target->status = ra_json_get_string(row, "status");
    target->status_bit = status_bit(target->status);
    target->is_second_of_pair = ra_json_get_int(row, "is_second", 0) != 0;
    target->not_after = ra_json_get_string(row, "not_after");
    target->is_lapsed = ra_json_get_int(row, "is_lapsed", 1) != 0;
    target->region = ra_json_get_string(row, "region");
    target->agency_id = ra_json_get_string(row, "agency_id");
    target->submitted_by = ra_json_get_string(row, "submitted_by");
    return ra_base64url_decode(&target->der, ra_json_get_string(row, "der"), act->tx->pool);
}

#define NEWEST_FIRST " ORDER BY a.id DESC"
#define ENDED_LAST_FIRST " ORDER BY a.not_after DESC, a.id DESC"

/* The statuses that a list can be asked for, each with the condition that finds it: `mark` is what an index can be of, those that are
 * neither revoked nor suspended differ by time. What has expired is found from now backwards, since the newest are never among it. */
typedef struct status_t {
    const char *word;
    const char *clause;
    const char *order;
    int is_ended;
} status_t;

static const status_t statuses[] = {
    {"valid", " AND a.mark = 0 AND a.not_after > UTC_TIMESTAMP(6) AND a.not_before <= UTC_TIMESTAMP(6)", NEWEST_FIRST, 0},
    {"suspended", " AND a.mark = 1", NEWEST_FIRST, 0},
    {"expired", " AND a.mark = 0 AND a.not_after <= UTC_TIMESTAMP(6)", ENDED_LAST_FIRST, 1},
    {"revoked", " AND a.mark = 2", NEWEST_FIRST, 0},
};
static const status_t any_status = {NULL, "", NEWEST_FIRST, 0};
#define STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const status_t *status_of(const char *word)
{
    for (size_t i = 0; word && i < STATUSES; i++) {
        if (strcmp(statuses[i].word, word) == 0) {
            return &statuses[i];
        }
    }
    return &any_status;
}

/*
 * The page of a status is found in the index of the sight and the status: left to itself the optimiser walks through all certificates in the order of
 * their ids, which is long where few have the status. What names one subscriber, one certificate or one kind is found by that.
 */
static const char *index_clause(const ra_sight_t *sight, const ra_certificate_filter_t *filter, const status_t *status, const char *kind, apr_pool_t *pool)
{
    const char *column = ra_sight_column(sight);

    if (!status->word || filter->serial || filter->subject_key || filter->social_security_no || filter->application_id || (!column && !sight->everything)) {
        return "";
    }
    if (status->is_ended) {
        return " FORCE INDEX (certificates_ending)";
    }
    return kind ? "" : apr_pstrcat(pool, " FORCE INDEX (certificates_mark", column ? "_" : "", column ? column : "", ")", NULL);
}

#define SEARCH_VALUES (RA_SIGHT_VALUES + 9) /* at most */

/* The conditions behind WHERE. Put together from constants only; every value is bound. */
static const char *found(const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter, const char *kind, const status_t *status,
                         ra_value_t *values, int *pcount)
{
    const ra_value_t last = ra_v_uuid(filter->before_id), last_ended = status->is_ended ? last : ra_v_null();
    const ra_clause_t clauses[] = {
        {" AND a.serial = ?", ra_v_text(filter->serial)},
        {" AND a.subject_key = ?", ra_v_text(filter->subject_key)},
        {" AND a.social_security_no = ?", ra_v_text(filter->social_security_no)},
        {" AND a.application_id = ?", ra_v_uuid(filter->application_id)},
        {" AND a.kind = ?", ra_v_text(kind)},
        {" AND a.not_after <= (SELECT c.not_after FROM certificates c WHERE c.id = ?)", last_ended},
        {" AND (a.not_after < (SELECT c.not_after FROM certificates c WHERE c.id = ?)", last_ended},
        {" OR a.id < ?)", last_ended},
        {" AND a.id < ?", status->is_ended ? ra_v_null() : last},
    };
    const char *seen = ra_sight_clause(sight, values, pcount);

    return apr_pstrcat(act->tx->pool, seen, RA_CLAUSES(values, pcount, clauses, act->tx->pool), status->clause, NULL);
}

apr_status_t ra_certificate_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter)
{
    const status_t *status = status_of(filter->status);
    ra_value_t values[SEARCH_VALUES];
    int count = 0;
    const char *where = found(act, sight, filter, filter->kind, status, values, &count);
    /* The page is found first, and joined afterwards: else all certificates are read and sorted where there are few subscribers. */
    const char *sql = apr_pstrcat(act->tx->pool, CERTIFICATE " FROM (SELECT a.id FROM certificates a",
                                  index_clause(sight, filter, status, filter->kind, act->tx->pool), " WHERE ", where, status->order,
                                  " LIMIT ?) p STRAIGHT_JOIN certificates a ON a.id = p.id STRAIGHT_JOIN subscribers s ON s.id = a.subscriber_id",
                                  status->order, NULL);

    values[count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}

/* The first of each status in its order. */
static const char *pieces(const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter, ra_value_t *values, int *pcount)
{
    const char *sql = "";

    for (size_t i = 0; i < STATUSES; i++) {
        const char *where = found(act, sight, filter, NULL, &statuses[i], values, pcount);

        sql = apr_pstrcat(act->tx->pool, sql, *sql ? " UNION ALL " : "", "(SELECT '", statuses[i].word, "' AS status, a.kind FROM certificates a",
                          index_clause(sight, filter, &statuses[i], NULL, act->tx->pool), " WHERE ", where, statuses[i].order, " LIMIT ?)", NULL);
        values[(*pcount)++] = ra_v_int(RA_FACET_COUNT_MAX + 1);
    }
    return sql;
}

static apr_array_header_t *all_statuses(apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, STATUSES, sizeof(const char *));

    for (size_t i = 0; i < STATUSES; i++) {
        APR_ARRAY_PUSH(keys, const char *) = statuses[i].word;
    }
    return keys;
}

apr_status_t ra_certificate_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter)
{
    apr_pool_t *pool = act->tx->pool;
    ra_value_t values[STATUSES * SEARCH_VALUES + 1];
    int count = 0;
    const char *sql;
    ra_json_t *rows;
    apr_status_t status;

    values[count++] = ra_v_int(RA_FACET_COUNT_MAX + 1);
    sql = apr_pstrcat(pool, "SELECT status AS status, kind AS kind, COUNT(*) AS count" RA_FACET_MORE("status") " FROM (",
                      pieces(act, sight, filter, values, &count), ") t GROUP BY status, kind ORDER BY kind, status", NULL);
    status = ra_sql_rows(act->tx, &rows, sql, (ra_values_t){values, count});
    *pcounts = ra_json_object_make(pool);
    if (status == APR_SUCCESS) {
        ra_facet_add(*pcounts, rows, &(ra_facet_t){"statuses", "status", "count", "kind", filter->kind}, all_statuses(pool));
        ra_facet_add(*pcounts, rows, &(ra_facet_t){"kinds", "kind", "count", "status", filter->status}, ra_facet_keys(rows, "kind", pool));
    }
    return status;
}
