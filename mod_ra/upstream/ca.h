/*
 * The upstream CA as mod_ra sees it: one adapter behind one table of functions (design §8). The CMP adapter is cmp.c.
 * Layer: upstream. Thread rule: a ra_ca_t is immutable and shared by threads; an exchange is used by one thread.
 * An adapter holds no state of a transaction between calls: all of it is in ra_ca_exchange_t, whose bytes the caller stores.
 */
#ifndef RA_UPSTREAM_CA_H
#define RA_UPSTREAM_CA_H

#include "base/result.h"
#include "base/x509.h"

/** What is known after one try at the CA (docs/architecture.md, attempts at the CA). */
typedef enum {
    RA_CA_NOT_SENT,  /* surely nothing reached the CA by this try (what was known of the attempt before still holds): try again freely */
    RA_CA_DONE,      /* the certificate was accepted by on_certificate and confirmed, or the revocation is done */
    RA_CA_REJECTED,  /* the CA said no; reason_text and failure_bits hold its words */
    RA_CA_WAITING,   /* the CA said "waiting": poll again after check_after seconds */
    RA_CA_REFUSED,   /* the CA answered with a certificate that on_certificate refused; the CA was told so and acknowledged it */
    RA_CA_UNKNOWN    /* something was sent, no (believable) answer came: never start a new transaction by itself */
} ra_ca_outcome_e;

/** What the reviewer approved; the certificate must agree with it. */
typedef struct ra_ca_request_t {
    const ra_rdn_t *subject;
    int subject_count;
    const char *const *dns_names; /* NULL terminated, may be NULL */
    const char *const *ip_names;  /* NULL terminated, may be NULL */
    int validity_days;
    const char *key_usage;        /* comma separated RFC 5280 names */
    const char *ext_key_usage;    /* comma separated, "" for none */
    ra_bytes_t spki;              /* the subscriber's public key, possession already verified */
    ra_bytes_t csr;               /* the PKCS#10 itself, for adapters set to p10cr */
} ra_ca_request_t;

typedef struct ra_ca_revocation_t {
    ra_bytes_t certificate; /* DER; or NULL with issuer and serial known only */
    const char *serial;     /* upper-case hex */
    int reason;             /* RFC 5280 CRLReason; 6 = hold, 8 = release */
} ra_ca_revocation_t;

/** What on_certificate answers. */
typedef enum {
    RA_CA_ACCEPT,  /* checked and COMMITted: confirm */
    RA_CA_DECLINE, /* not what was approved: tell the CA that it is refused */
    RA_CA_SILENT   /* whether the COMMIT happened is not known: send nothing, outcome becomes RA_CA_UNKNOWN */
} ra_ca_verdict_e;

/** The caller's side of one exchange. */
typedef struct ra_ca_callbacks_t {
    void *baton;
    /** Called with the finished request, also one that is sent again, before its first byte leaves: store and COMMIT. Anything but APR_SUCCESS stops the
     * exchange as RA_CA_NOT_SENT. */
    apr_status_t (*before_send)(void *baton, ra_bytes_t request, ra_bytes_t nonce);
    /** The certificate as issued, for as long as the pool of the exchange, and the chain certificates that came along (DER each, of ra_bytes_t). */
    ra_ca_verdict_e (*on_certificate)(void *baton, const ra_cert_t *certificate, const apr_array_header_t *chain);
} ra_ca_callbacks_t;

/** One attempt at the CA. Zero it, fill the inputs; stored parts come from the database on a resumed attempt. */
typedef struct ra_ca_exchange_t {
    /* in */
    unsigned char transaction_id[16];
    const ra_ca_request_t *request;       /* for enrolment */
    const ra_ca_revocation_t *revocation; /* for revocation */
    ra_ca_callbacks_t callbacks;
    apr_interval_time_t timeout;          /* for this try as a whole */
    /* in and out: stored by the caller between tries; empty on the first */
    ra_bytes_t sent;        /* the request bytes that were sent */
    ra_bytes_t sent_nonce;  /* the senderNonce in them */
    ra_bytes_t waiting;     /* the CA's stored "waiting" answer */
    ra_bytes_t poll;        /* the CA's latest pollRep */
    /* out */
    ra_ca_outcome_e outcome;
    int check_after;          /* seconds, with RA_CA_WAITING */
    const char *reason_text;  /* the CA's words or the transport's, for the log and the officer: UTF-8, no control characters,
                                 at most 300 bytes; NULL when there is nothing to say (RA_CA_DONE: and the CA acknowledged it) */
    int failure_bits;         /* PKIFailureInfo bits of a verified "no", with RA_CA_REJECTED and RA_CA_UNKNOWN; 0: none */
    int request_at_fault;     /* with RA_CA_REJECTED: all it names are faults of the request, which the CA finds before it does anything */
    ra_bytes_t certificate;   /* as issued, also when it was refused (RA_CA_REFUSED): for the alarm and its revocation */
} ra_ca_exchange_t;

typedef struct ra_ca_t ra_ca_t;

/** The functions of an adapter. All fill exchange->outcome; strings live in @a pool. */
typedef struct ra_ca_adapter_t {
    const char *name;
    int resend_is_idempotent; /* resending the same bytes gives the same answer and never a second certificate (set by directive, proved for that CA) */
    int needs_csr; /* enrolment hands the PKCS#10 itself to the CA: a bare key is not enough */
    /** First try (exchange->sent empty), resend of the stored bytes (sent filled) or poll (waiting filled). */
    void (*enrol)(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool);
    /** Revoke, hold and release: first try or resend. Asking anew is harmless too: certRevoked for the wished state counts as done. */
    void (*revoke)(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool);
} ra_ca_adapter_t;

struct ra_ca_t {
    const ra_ca_adapter_t *adapter;
    const void *settings; /* the adapter's */
    const ra_cert_t *credential; /* that signs our messages, for people who must renew it in time */
};

/** Settings of the CMP adapter (RFC 9810 over RFC 9811). */
typedef struct ra_cmp_settings_t {
    const char *url;             /* https://…/.well-known/cmp/… */
    const char *tls_ca_file;     /* verifies the CA's TLS server */
    const char *tls_cert_file;   /* the RA's TLS client certificate, or NULL */
    const char *tls_key_file;
    const char *signer_cert_file; /* the RA credential that signs CMP messages: RSA or P-256 */
    const char *signer_key_file;
    const char *front_cert_file; /* credential of the front for subscribers' tools, with its chain; NULL: none */
    const char *front_key_file;
    const char *trust_file;      /* PEM: CA certificates that protect the CA's answers and issue */
    const char *sender;          /* DN of who signs the CA's answers, or NULL: the CA, first certificate of trust_file */
    int use_p10cr;               /* 0: cr with raVerified (default), 1: p10cr */
    int resend_is_idempotent;
    apr_interval_time_t connect_timeout;
} ra_cmp_settings_t;

/**
 * Makes the CMP adapter: loads credential and trust store, so call it where secrets may be read; lives as long as @a pool.
 * @return APR_EINVAL with result->log_detail naming the file that is wrong
 */
apr_status_t ra_cmp_make(ra_ca_t **pca, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool);

#endif
