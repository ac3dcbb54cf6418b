/*
 * What the files of the CMP adapter share. Nobody else includes it.
 *   cmp_make.c     loads credential, trust and settings
 *   cmp_header.c   fields of a message header
 *   cmp_content.c  names, extensions and other contents of a request
 *   cmp_sm2.c      the signer's identifier of SM2 in messages
 *   cmp_exchange.c one exchange: what goes over the wire, what is replayed, what the CA's certificate must be
 *   cmp.c          enrol and revoke, and what came out of it
 * Layer: upstream. Thread rule: a ra_cmp_t is immutable; a ra_cmp_run_t belongs to one call.
 */
#ifndef RA_UPSTREAM_CMP_INTERNAL_H
#define RA_UPSTREAM_CMP_INTERNAL_H

#include <openssl/cmp.h>
#include <openssl/x509v3.h>

#include "base/http.h"
#include "upstream/ca.h"
#include "upstream/cmp_header.h"

/** Message types, the tags of PKIBody (RFC 9810 section 5.1.2). OpenSSL keeps most of its names private. */
enum {
    RA_CMP_CR = 2,
    RA_CMP_CP = 3,
    RA_CMP_P10CR = 4,
    RA_CMP_RR = 11,
    RA_CMP_RP = 12,
    RA_CMP_ERROR = 23,
    RA_CMP_CERT_CONF = 24,
    RA_CMP_POLL_REQ = 25,
    RA_CMP_POLL_REP = 26
};

/** A certificate with its key, and the further certificates of its file. */
typedef struct ra_cmp_credential_t {
    X509 *cert;
    EVP_PKEY *key;
    STACK_OF(X509) * chain;
} ra_cmp_credential_t;

/** The adapter, loaded. */
typedef struct ra_cmp_t {
    ra_http_target_t target;
    ra_cmp_credential_t signer; /* towards the CA */
    ra_cmp_credential_t front;  /* towards subscribers' tools; all NULL: none */
    X509_STORE *trust;
    X509_NAME *ca_name; /* recipient of requests, issuer of certificates */
    X509_NAME *sender;  /* the only sender of answers that is believed */
    int sender_is_ca;
    int use_p10cr;
    apr_interval_time_t connect_timeout;
} ra_cmp_t;

/** One try. */
typedef struct ra_cmp_run_t {
    const ra_cmp_t *cmp;
    ra_ca_exchange_t *exchange;
    apr_pool_t *pool;
    OSSL_CMP_CTX *ctx;
    X509 *subject_cert; /* revocation: the certificate it is about */
    apr_time_t deadline;
    int resumed;  /* the exchange came with a stored waiting answer */
    int repeated; /* the exchange came with stored request bytes */
    int poll_replayed;
    int calls;              /* messages handed to the transport */
    int may_have_arrived;   /* how many of them may have reached the CA */
    int out_of_time;        /* a message was not handed over for want of time or turns */
    int stopped;            /* before_send said no */
    int last_body;          /* type of the last answer from the wire */
    ra_bytes_t last_answer; /* its bytes */
    int asked;              /* a certificate came, and there is a verdict */
    ra_ca_verdict_e verdict;
    const char *declined_because; /* the adapter's own reason, before on_certificate was asked */
    const char *transport_error;
    char log[256]; /* the last warning OpenSSL logged: some refusals leave nothing else */
} ra_cmp_run_t;

/* cmp_content.c: what they return belongs to the caller; NULL or 0 on failure. */
X509_NAME *ra_cmp_name_make(const ra_rdn_t *rdns, int count);
X509_NAME *ra_cmp_name_parse(const char *text); /* "/C=CN/O=…/CN=…" */
X509_EXTENSIONS *ra_cmp_extensions_make(const ra_ca_request_t *request);
/** A certificate that only carries issuer and serial, for revoking one of which no more is known. OpenSSL takes only
 * signed ones. */
X509 *ra_cmp_stub_make(const char *serial_hex, const X509_NAME *issuer, EVP_PKEY *any_key);
/** Text of others made fit for logs and screens: UTF-8, no control characters, at most 300 bytes. */
const char *ra_cmp_clean_text(const char *text, apr_size_t len, apr_pool_t *pool);
ra_bytes_t ra_cmp_cert_der(X509 *cert, apr_pool_t *pool);

/**
 * Tells the request of a p10cr and the extra certificates of a message that SM2 signs under the identifier
 * 1234567812345678: to be called on every message that comes from outside. @return 0 when memory is short
 */
int ra_cmp_prepare_sm2(OSSL_CMP_MSG *message);

/* cmp_exchange.c */
/** A context with credential, trust, transactionID and callbacks; NULL on failure. run->ctx; freed by ra_cmp_run_end().
 */
int ra_cmp_run_begin(ra_cmp_run_t *run, const ra_cmp_t *cmp, ra_ca_exchange_t *exchange, apr_pool_t *pool);
void ra_cmp_run_end(ra_cmp_run_t *run);

/* cmp.c */
void ra_cmp_enrol(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool);
void ra_cmp_revoke(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool);

#endif
