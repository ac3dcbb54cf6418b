/*
 * The RA of one httpd child: what every business function may use. Layer: business.
 * Thread rule: made once per child before threads; immutable afterwards, except what the store and the CA adapter guard themselves.
 */
#ifndef RA_BUSINESS_RA_H
#define RA_BUSINESS_RA_H

#include <apr_time.h>

#include "base/crypt.h"
#include "base/signature.h"
#include "business/service/downloads.h"
#include "store/store.h"
#include "upstream/ca.h"
#include "upstream/outbox.h"

struct ra_profile_t;

/** Settings that business rules read; each is a directive (docs/operations.md). */
typedef struct ra_settings_t {
    const char *first_administrator;     /* SHA-256 (lower-case hex) of the certificate of the first administrator, or NULL */
    const struct ra_trust_t *credential_trust; /* CAs whose certificates may be bound to people and systems; NULL: any certificate */
    const struct ra_trust_t *certificate_trust; /* issued certificates and the CA's lists must verify against it; with an address of the CA never NULL */
    const char *upstream_crl;            /* address of the CA's CRL, or NULL: not fetched */
    const char *upstream_ca_certificates; /* address of the CA's certificates, or NULL: not fetched */
    ra_bytes_t upstream_tls_ca;          /* PEM that verifies the CA's TLS server */
    int upstream_crl_seconds;            /* between two fetches of both */
    apr_size_t upstream_crl_max;         /* bytes; a larger list is refused */
    apr_interval_time_t production_wait; /* how long a production request waits for the CA before it answers 202 */
    apr_interval_time_t code_lifetime;
    apr_interval_time_t upstream_timeout; /* of one try at the CA */
    apr_interval_time_t validity_tolerance; /* how far the CA's notBefore/notAfter may differ from what was approved */
    apr_interval_time_t renewal_window;  /* how long before its end a certificate may be renewed */
    int renewal_overlap;                 /* days that a renewed certificate may be used beside the new one */
    apr_interval_time_t audit_seal;      /* between two batches of sealed audit events */
    apr_interval_time_t audit_alarm;     /* an event may wait so long to be sealed */
    const struct ra_profile_t *profiles; /* RA_PROFILES of them (business/certificate/profile.h), or NULL: those of ra_profiles_make() */
    int audit_batch_max;                 /* events of one batch */
    int signed_decisions;                /* a ra_signing_e (business/application/decision.h) */
    int outbox_days;                     /* finished jobs are kept so long */
    int prefill_days;                    /* how long a form filled in beforehand waits for the counter */
    int prefills_max;                    /* that wait at a time */
    int prefills_per_client;             /* in a day */
    int status_needs_second_field;       /* the public query demands 社保编号 or serial (domain.md §18.4) */
} ra_settings_t;

struct ra_bulk_t;

typedef struct ra_t {
    ra_store_t *store;
    const ra_keyring_t *keyring;
    const ra_signer_t *audit_key;   /* NULL: audit events are not sealed */
    const ra_ca_t *ca;              /* NULL when no upstream CA is configured */
    const ra_settings_t *settings;
    ra_downloads_t *downloads;      /* files for everybody */
    ra_outbox_t *outbox;            /* set by ra_jobs_outbox() */
    /** Does one row of a bulk operation (business/application/bulk.h); set by api/ before threads. */
    apr_status_t (*bulk_row)(const void *baton, const struct ra_bulk_t *bulk, int index, const ra_json_t *row, apr_pool_t *pool);
    const void *bulk_baton;
    const char *node;               /* host name, pid and start time: the lease owner's name */
} ra_t;

#endif
