/*
 * Certificate revocation lists (RFC 5280 §5) as plain structures, and whether a CA of ours signed one.
 * Layer: base. Everything returned lives in the pool given and is immutable.
 */
#ifndef RA_BASE_X509_CRL_H
#define RA_BASE_X509_CRL_H

#include <apr_time.h>

#include "base/crypt.h"
#include "base/x509.h"

typedef struct ra_crl_entry_t {
    const char *serial;    /* as in ra_cert_t: upper-case hex */
    apr_time_t revoked_at;
    int reason;            /* CRLReason (§5.3.1); 0 when the CA gives none, 6 on hold */
} ra_crl_entry_t;

typedef struct ra_crl_t {
    ra_bytes_t der;
    unsigned char sha256[RA_SHA256_BYTES];
    const char *issuer;    /* as in ra_cert_t.issuer.text */
    const char *number;    /* 40 hex digits with leading zeros, so that texts compare as numbers */
    apr_time_t this_update;
    apr_time_t next_update; /* 0: not said */
    const ra_crl_entry_t *entries; /* in the order of their serials; removeFromCRL is left out */
    int count;
} ra_crl_t;

/**
 * Reads one complete CRL, DER or PEM, and verifies it: signed by a trusted CA certificate that has its issuer's name and may sign CRLs, not with MD5 or
 * SHA-1; with a CRL number; not a delta, not of a part of the certificates, nothing critical that is not understood.
 * @return APR_SUCCESS, or APR_EINVAL with result->log_detail
 */
apr_status_t ra_crl_open(const ra_crl_t **pcrl, ra_bytes_t bytes, const ra_trust_t *trust, ra_result_t *result, apr_pool_t *pool);

/** The entry of a serial; NULL when the list does not have it. */
const ra_crl_entry_t *ra_crl_find(const ra_crl_t *crl, const char *serial);

/** "unspecified" … "aa_compromise", "certificate_hold": the API's word of a CRLReason; "unspecified" for one that is unknown. */
const char *ra_crl_reason_word(int reason);

#endif
