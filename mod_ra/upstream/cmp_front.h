/*
 * The RA as a CMP server for subscribers' tools (design §9): one message in, one message out. A message is protected
 * with the reference and authorisation code (PasswordBasedMac, RFC 9810 section 5.1.3.1), or, to renew or revoke a
 * certificate, signed with that very certificate (RFC 9810 section 5.1.3.3). What codes and certificates are known, who
 * counts wrong tries and what becomes of a request is the caller's, asked by callbacks; no type of OpenSSL is seen
 * here. Layer: upstream. Thread rule: free-threaded; a call belongs to its thread and keeps nothing afterwards, so any
 * message of a transaction may reach any process: what later messages need is stored by the caller and given back by
 * find().
 */
#ifndef RA_UPSTREAM_CMP_FRONT_H
#define RA_UPSTREAM_CMP_FRONT_H

#include "upstream/ca.h"

/** The header of a message, before anything is believed. */
typedef struct ra_cmp_head_t {
    const char *type;          /* "ir", "cr", "p10cr", "certConf", "pollReq" …; "" for none of RFC 9810 */
    const char *reference;     /* senderKID; NULL when it is absent, too long or no printable ASCII */
    ra_bytes_t signer;         /* of a signed kur, rr, pollReq or certConf: its first extra certificate, DER; else empty */
    ra_bytes_t transaction_id; /* 1 to RA_CMP_TRANSACTION_MAX_BYTES */
    ra_bytes_t message;        /* the whole PKIMessage as received */
} ra_cmp_head_t;

/** What is known of the reference or the signer that a message names, and of its transaction. All empty: unknown. */
typedef struct ra_cmp_known_t {
    ra_bytes_t secrets[2]; /* the authorisation code in its written forms; the caller wipes them */
    ra_bytes_t signer;     /* the signer's certificate as it was issued, DER; whether it is in force is the caller's */
    ra_bytes_t request;    /* the stored message that began this very transaction */
    ra_bytes_t nonces[2];  /* senderNonces of our last two replies in it, newest first */
} ra_cmp_known_t;

typedef enum { RA_CMP_NEW, RA_CMP_RENEWAL, RA_CMP_REVOCATION } ra_cmp_wish_e;

/**
 * A request, its protection and the possession of the key verified. Name and extensions of a template are the tool's
 * wishes and not shown. A renewal and a revocation are about the certificate that signed them, and no other.
 */
typedef struct ra_cmp_wish_t {
    ra_cmp_wish_e kind;
    ra_bytes_t csr;  /* of p10cr: the PKCS#10 */
    ra_bytes_t spki; /* of ir, cr and kur: the key */
    int reason;      /* of rr: CRLReason, RFC 5280 section 5.3.1; 0 when none is given; -1 when it cannot be read */
} ra_cmp_wish_t;

/** How a request stands. */
typedef enum {
    RA_CMP_ISSUED,
    RA_CMP_WAITING,
    RA_CMP_REJECTED,
    RA_CMP_NOTED /* of rr: taken down for people to decide ("revocationWarning") */
} ra_cmp_state_e;

/** Why a request is rejected: bits of PKIFailureInfo (RFC 9810 section 5.2.3). */
typedef enum {
    RA_CMP_FAIL_BAD_REQUEST = 2,
    RA_CMP_FAIL_BAD_CERT_ID = 4,
    RA_CMP_FAIL_BAD_POP = 9,
    RA_CMP_FAIL_CERT_REVOKED = 10,
    RA_CMP_FAIL_BAD_TEMPLATE = 19,
    RA_CMP_FAIL_TRANSACTION_IN_USE = 21,
    RA_CMP_FAIL_NOT_AUTHORIZED = 23,
    RA_CMP_FAIL_SYSTEM_UNAVAILABLE = 24,
    RA_CMP_FAIL_SYSTEM_FAILURE = 25
} ra_cmp_failure_e;

typedef struct ra_cmp_standing_t {
    ra_cmp_state_e state;
    ra_bytes_t certificate;          /* ISSUED: DER */
    const apr_array_header_t *chain; /* ISSUED: of ra_bytes_t, its issuer first; may be NULL */
    int check_after;                 /* WAITING: seconds */
    ra_cmp_failure_e failure;        /* REJECTED */
    const char *text;                /* REJECTED, NOTED: for the person at the tool, UTF-8 */
} ra_cmp_standing_t;

/**
 * The caller's side. Any status but APR_SUCCESS ends the message without a reply and is what ra_cmp_front_answer()
 * returns; what a callback wrote stays.
 */
typedef struct ra_cmp_callbacks_t {
    void *baton;
    /** Looks the reference or the signer up. An unknown one leaves @a known as it is, empty, and is APR_SUCCESS. */
    apr_status_t (*find)(void *baton, const ra_cmp_head_t *head, ra_cmp_known_t *known);
    /** The protection is wrong (or the reference unknown): count the try. */
    apr_status_t (*count_wrong)(void *baton);
    /** A new request: decide it, COMMIT, and say how it stands. Not asked again for a transaction that find() knows. */
    apr_status_t (*decide)(void *baton, const ra_cmp_wish_t *wish, ra_cmp_standing_t *standing);
    /** How the stored request of this transaction stands now. */
    apr_status_t (*look)(void *baton, ra_cmp_standing_t *standing);
    /** The tool has told us whether it takes the certificate: COMMIT. */
    apr_status_t (*confirm)(void *baton, int is_accepted);
    /** Before a reply leaves after which the tool may go on: store its nonce. @param is_last the tool needs to say
     * nothing more */
    apr_status_t (*reply)(void *baton, ra_bytes_t nonce, ra_cmp_state_e state, int is_last);
    /** The codes or the signature were right, but the message cannot be served. @param why OpenSSL's reason or ours,
     * English */
    apr_status_t (*refuse)(void *baton, const char *why);
} ra_cmp_callbacks_t;

/**
 * Answers one message. Every message of CMP gets a reply: what is wrong with it is told by CMP.
 *
 * A message whose protection is wrong is answered under random bytes in place of the secret, for a known reference as
 * for an unknown one: the reply tells neither whether the reference exists nor lets anybody try secrets on it. A
 * message that is not signed by a known certificate gets one and the same answer, whatever is wrong with it.
 *
 * @param preply the PKIMessage, in @a pool
 * @param ca     made by ra_cmp_make(): its front credential names us and signs the answers to signed messages. Without
 *   one these are not served, and the answer to a message without codes is not protected
 * @return APR_SUCCESS; APR_EINVAL the bytes are no PKIMessage; APR_ENOTIMPL another adapter; APR_EGENERAL OpenSSL
 * failed; a status of a callback
 */
apr_status_t ra_cmp_front_answer(ra_bytes_t *preply, const ra_ca_t *ca, ra_bytes_t message,
                                 const ra_cmp_callbacks_t *callbacks, apr_pool_t *pool);

#endif
