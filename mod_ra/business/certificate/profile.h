/*
 * Certificate profiles (kind × usage) and the snapshot that a reviewer approves (design §6). Layer: business.
 */
#ifndef RA_BUSINESS_PROFILE_H
#define RA_BUSINESS_PROFILE_H

#include "business/application/application.h"

typedef struct ra_profile_t {
    const char *name;
    const char *key_usage;     /* RFC 5280 §4.2.1.3 names, comma separated */
    const char *ext_key_usage; /* §4.2.1.12 */
} ra_profile_t;

#define RA_PROFILES 3

/** A copy of the built-in profiles, for RAProfile to change: RA_PROFILES of them. */
ra_profile_t *ra_profiles_make(apr_pool_t *pool);
/** The profile of this name among RA_PROFILES, or NULL. */
ra_profile_t *ra_profile_find(ra_profile_t *profiles, const char *name);

/** The profile of a kind and usage; never NULL. @param settings whose profiles; those built in where it has none */
const ra_profile_t *ra_profile_of(const ra_settings_t *settings, ra_kind_e kind, const char *usage);

/**
 * Builds the snapshot from the entered certificate data: application->snapshot (canonical JSON) and snapshot_sha256.
 * @param certificate the member `certificate` of the entry form, checked
 */
apr_status_t ra_snapshot_build(const ra_act_t *act, ra_application_t *application, const ra_json_t *certificate);

/** The snapshot of a pair (business/ca/pair.h) as if its encryption certificate were the only one. NULL when it is none. */
const char *ra_snapshot_of_encryption(const char *snapshot, apr_pool_t *pool);

/** The snapshot of an act that makes no certificate: which certificate, and what is done to it. */
apr_status_t ra_snapshot_of_act(const ra_act_t *act, ra_application_t *application);

/** What the snapshot says, for the CA. Lives in @a pool; spki and csr are left empty. */
apr_status_t ra_snapshot_request(ra_ca_request_t *request, const char *snapshot, apr_time_t now, apr_pool_t *pool);

/** Does the reviewed key policy allow this key? */
int ra_snapshot_allows_key(const char *snapshot, const ra_key_t *key, apr_pool_t *pool);

/** What a certificate is compared with. */
typedef struct ra_expected_t {
    const char *snapshot;
    ra_bytes_t spki;
    apr_time_t since;              /* when it was asked for: the CA may answer much later, but not for an earlier time */
    apr_time_t now;
    apr_interval_time_t tolerance; /* of each bound of the validity */
} ra_expected_t;

/** What a certificate has against it. Constant. */
typedef struct ra_difference_t {
    const char *violation; /* RA_VIOLATION_CERTIFICATE_… */
    const char *text;      /* English, for the log and the officer */
} ra_difference_t;

/**
 * Does the certificate agree with the snapshot and the key? Subject, all alternative names, key usage, validity, no CA.
 * notBefore lies between `since` and `now`, notAfter the approved years after these.
 * @return NULL when it agrees, or what differs
 */
const ra_difference_t *ra_snapshot_disagrees(const ra_expected_t *expected, const ra_cert_t *cert, apr_pool_t *pool);

#endif
