/*
 * What the CA itself says about our certificates: its CRL and its certificates are fetched, verified, stored and served; the status of our certificates follows
 * the CRL. Never the other way round: what we revoked and the CA does not show is a disagreement for people (GET /reports/ca-disagreements).
 * Layer: business. Thread rule: any thread; a job of the outbox, so one fetch at a time over all children and hosts.
 */
#ifndef RA_BUSINESS_CA_STATUS_H
#define RA_BUSINESS_CA_STATUS_H

#include "base/x509_crl.h"
#include "business/people/principal.h"

/** A duty (periodic.h): queues the job when a fetch is due by the database's clock. */
apr_status_t ra_ca_status_queue(ra_tx_t *tx, void *baton);

/** Fetches what is configured, stores it and follows it (a job of kind "ca_status"); @a context is the ra_t. */
ra_job_verdict_e ra_ca_status_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool);

/**
 * Takes over a verified CRL: marks, the certificates that are out of step, disagreements. Repeating it changes nothing. The lease of the job begins
 * anew with each portion. @return APR_ENOENT when another run has taken the job over: it goes on with the list
 */
apr_status_t ra_ca_status_follow(ra_t *ra, const ra_job_t *job, const ra_crl_t *crl, ra_result_t *result, apr_pool_t *pool);

/** The stored CRL in DER, its hash in lower-case hex and its times. APR_ENOENT when there is none. */
apr_status_t ra_ca_crl_read(ra_bytes_t *pder, ra_json_t **pcrl, const ra_act_t *act);

/** {subject, issuer, serial, not_before, not_after, sha256, pem} of each stored certificate of the CA. */
apr_status_t ra_ca_certificate_list(ra_json_t **pitems, const ra_act_t *act);

typedef struct ra_disagreement_filter_t {
    const char *before_id; /* keyset: certificates below this one */
    int limit;
} ra_disagreement_filter_t;

/** Open disagreements, newest certificate first, at most limit + 1 in sight. */
apr_status_t ra_disagreement_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_disagreement_filter_t *filter);

/** For /metrics. Ages are -1 where nothing was fetched ever. */
typedef struct ra_ca_gauge_t {
    apr_int64_t crl_age;       /* seconds since thisUpdate of the stored CRL */
    apr_int64_t is_stale;      /* its nextUpdate is over, or the last fetch failed */
    apr_int64_t disagreements; /* open */
} ra_ca_gauge_t;

apr_status_t ra_ca_status_gauge(ra_ca_gauge_t *gauge, ra_tx_t *tx);

#endif
