/* Issued certificates: storing, reading, listing, and the public status query (domain.md §2, §9). Layer: business. */
#ifndef RA_BUSINESS_CERTIFICATE_H
#define RA_BUSINESS_CERTIFICATE_H

#include "base/x509.h"
#include "business/application/application.h"

/** What the CA gave. */
typedef struct ra_issued_t {
    const char *attempt_id;
    const char *usage; /* "signing", "encryption" */
    const ra_cert_t *cert;
    const apr_array_header_t *chain; /* of ra_bytes_t, may be NULL */
} ra_issued_t;

/** Stores the certificate of an attempt. RA_ERETRY never; APR_EGENERAL when the CA gave one that exists already. */
apr_status_t ra_certificate_store(const char **pid, const ra_act_t *act, const ra_application_t *application, const ra_issued_t *issued);

/** The precise word of §18.3, of `certificates`; revoked before suspended before time. */
#define RA_CERTIFICATE_STATUS                                                                                          \
    "CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN suspended_at IS NOT NULL THEN 'suspended'"                   \
    " WHEN not_after <= UTC_TIMESTAMP(6) THEN 'expired' WHEN not_before > UTC_TIMESTAMP(6) THEN 'not_yet_valid' ELSE 'valid' END"

/** The Certificate of the API, of `certificates a` and its `subscribers s`. @param p where it stands: "", or "certificate." for a member of that name */
#define RA_CERTIFICATE_COLUMNS(p)                                                                                      \
    "a.id AS `" p "id`, a.application_id AS `" p "application_id`, a.subscriber_id AS `" p "subscriber.id`, s.name AS `" p "subscriber.name`,"      \
    " a.kind AS `" p "kind`, a.cert_usage AS `" p "usage`, a.serial AS `" p "serial`, a.issuer AS `" p "issuer`, a.subject AS `" p "subject`,"      \
    " a.subject_name AS `" p "subject_name`, a.not_before AS `" p "not_before`, a.not_after AS `" p "not_after`, "     \
    RA_CERTIFICATE_STATUS " AS `" p "status`, a.suspended_at AS `" p "suspended_at`, a.suspension_until AS `" p "suspended_until`,"                 \
    " a.revoked_at AS `" p "revoked_at`, a.revocation_reason AS `" p "revocation_reason`, a.replaced_by AS `" p "replaced_by`,"                     \
    " a.key_algorithm AS `" p "key_algorithm`, a.sha256 AS `" p "sha256`, a.spki_sha256 AS `" p "spki_sha256`, a.version AS `" p "version`,"        \
    " a.created_at AS `" p "created_at`,"                                                                              \
    " IF(a.revoked_at IS NULL, (SELECT v.ends_at FROM certificate_overlaps v WHERE v.certificate_id = a.id), NULL) AS `" p "overlap_until`"

/** The Certificate of the API, in sight of the caller. RA_EREFUSED with RA_PROBLEM_NOT_FOUND. @param pder may be NULL */
apr_status_t ra_certificate_json(ra_json_t **pcertificate, ra_bytes_t *pder, const ra_act_t *act, const char *id, ra_roles_t roles);

/** What an act must know of the certificate it is about. Strings in tx->pool. */
typedef struct ra_target_t {
    const char *id;
    const char *application_id; /* that it was made by */
    const char *serial;
    const char *issuer;
    const char *sha256;
    const char *spki_sha256;
    const char *status;         /* API word */
    unsigned status_bit;        /* ra_certificate_status_e */
    int is_second_of_pair;      /* for encryption, and its application made another one for signing */
    const char *not_after;
    int is_lapsed;              /* it has ended by its own date, whatever its status */
    const char *region;
    const char *agency_id;
    const char *submitted_by;
    ra_bytes_t der;
} ra_target_t;

/** Condition on a row of `certificates`: it is the encryption certificate of a pair, whose acts go by the name of the one for signing (§18.13). */
#define RA_IS_SECOND_OF_PAIR                                                                                           \
    "(certificates.cert_usage = 'encryption' AND EXISTS (SELECT 1 FROM certificates p WHERE p.application_id ="         \
    " certificates.application_id AND p.id <> certificates.id))"

/** Reads it, whoever asks. APR_ENOENT when there is none. */
apr_status_t ra_target_read(ra_target_t *target, const ra_act_t *act, const char *id);

typedef struct ra_certificate_filter_t {
    const char *serial;
    const char *subject_key;
    const char *social_security_no;
    const char *status;         /* API word */
    const char *kind;
    const char *application_id;
    const char *before_id;
    int limit;
} ra_certificate_filter_t;

/** Newest first, those that have expired by their end; at most limit + 1. */
apr_status_t ra_certificate_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter);

/**
 * {statuses, kinds}, each [{key, count, more}]: how many the filter finds if its status, or its kind, is left out. The newest
 * RA_FACET_COUNT_MAX (facets.h) of each status are looked at, of those that have expired the last.
 */
apr_status_t ra_certificate_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_certificate_filter_t *filter);

/**
 * The public query (§9, §18.3, §18.4): exact subject name after normalisation; no personal data. Answers the CertificateStatus of the API.
 * @param social_security_no, serial optional second field; NULL for any
 */
apr_status_t ra_certificate_status(ra_json_t **pstatus, ra_tx_t *tx, const char *subject, const char *social_security_no, const char *serial);

#endif
