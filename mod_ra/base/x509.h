/*
 * Certificates and certificate requests (RFC 5280, RFC 2986) as plain structures.
 * Layer: base. Everything returned lives in the pool given and is immutable.
 */
#ifndef RA_BASE_X509_H
#define RA_BASE_X509_H

#include <apr_time.h>

#include "base/crypt.h"
#include "base/result.h"

/** One attribute of a distinguished name, in the order of the name. */
typedef struct ra_rdn_t {
    const char *type;  /* OpenSSL short name: CN O OU L ST C serialNumber …, or a dotted OID */
    const char *value; /* UTF-8 whatever the ASN.1 string type; NULs and control characters make the parse fail */
} ra_rdn_t;

typedef struct ra_name_t {
    const ra_rdn_t *rdns;
    int count;
    int multivalued;  /* some RDN holds several attributes (listed one after the other): such a name equals no list of ours */
    const char *text; /* RFC 4514-like, UTF-8 kept readable: "CN=…,O=…,C=CN" (last RDN first) */
    ra_bytes_t der;
} ra_name_t;

typedef enum { RA_KEY_OTHER, RA_KEY_RSA, RA_KEY_EC_P256, RA_KEY_SM2 } ra_key_kind_e;

typedef struct ra_key_t {
    ra_key_kind_e kind;
    int bits;
    ra_bytes_t spki; /* DER SubjectPublicKeyInfo */
    unsigned char spki_sha256[RA_SHA256_BYTES];
} ra_key_t;

/** "rsa", "ec_p256", "sm2", "other": the API's words. */
const char *ra_key_kind_name(ra_key_kind_e kind);

typedef struct ra_cert_t {
    ra_bytes_t der;
    unsigned char sha256[RA_SHA256_BYTES];
    const char *serial; /* upper-case hex, no leading zeros beyond whole bytes, no sign */
    ra_name_t issuer;
    ra_name_t subject;
    apr_time_t not_before;
    apr_time_t not_after;
    ra_key_t key;
    const char **dns_names; /* SAN dNSName, NULL terminated */
    const char **ip_names;  /* SAN iPAddress as text, NULL terminated */
    int other_names;        /* how many SAN entries are of other kinds: e-mail, URI, otherName … */
    const char *key_usage;  /* comma separated RFC 5280 names, "" when absent: "digitalSignature,nonRepudiation" */
    const char *ext_key_usage; /* comma separated: "clientAuth,serverAuth" */
    int is_ca;
    struct x509_st *x509;   /* as OpenSSL read it: reading a key again costs more than a signature. Of base/ alone */
} ra_cert_t;

/** First value of an attribute type in a name, or NULL. */
const char *ra_name_get(const ra_name_t *name, const char *type);
/** Same attributes with the same values in the same order? */
int ra_name_equal(const ra_name_t *name, const ra_rdn_t *rdns, int count);

/** Reads one DER certificate, no trailing bytes. APR_EINVAL with result->log_detail (no problem is set). */
apr_status_t ra_cert_parse(ra_cert_t **pcert, ra_bytes_t der, ra_result_t *result, apr_pool_t *pool);
/** As ra_cert_parse() for what OpenSSL has read already; it is shared, not copied. @param der its encoding */
apr_status_t ra_cert_of(ra_cert_t **pcert, struct x509_st *x509, ra_bytes_t der, ra_result_t *result, apr_pool_t *pool);
/** Reads exactly one PEM certificate (surrounding white space only). */
apr_status_t ra_cert_parse_pem(ra_cert_t **pcert, const char *pem, ra_result_t *result, apr_pool_t *pool);
/** As ra_cert_parse_pem(), or base64 of the DER without armour. */
apr_status_t ra_cert_parse_text(ra_cert_t **pcert, const char *text, ra_result_t *result, apr_pool_t *pool);
/** When the first of the certificates in a PEM file ends. APR_ENOENT when there is none, or the file cannot be read. */
apr_status_t ra_certs_end(apr_time_t *pend, const char *path);
/** PEM text of a DER certificate. */
const char *ra_cert_pem(ra_bytes_t der, apr_pool_t *pool);

typedef struct ra_csr_t {
    ra_bytes_t der;
    ra_name_t subject; /* what the client wrote; the approved name is used instead */
    ra_key_t key;
} ra_csr_t;

/**
 * Reads a PKCS#10 request (one PEM block, or base64 of DER without armour) and checks it: size, exact DER, one block, signature (proof of possession),
 * key kind RSA 2048..8192 bits, P-256 or SM2, RSA exponent odd and > 65536 and < 2^256, modulus no small prime factor (< 1000), not an ROCA modulus, no CA:TRUE requested.
 * A request for an SM2 key is signed with SM3 under the identifier 1234567812345678 (GM/T 0009), never under another or none.
 * @return RA_EREFUSED with RA_PROBLEM_CSR_INVALID (not readable, signature wrong) or RA_PROBLEM_KEY_WEAK, each with a violation at @a pointer
 */
apr_status_t ra_csr_parse(ra_csr_t **pcsr, const char *text, const char *pointer, ra_result_t *result, apr_pool_t *pool);
/** As ra_csr_parse() for the DER itself. */
apr_status_t ra_csr_parse_der(ra_csr_t **pcsr, ra_bytes_t der, const char *pointer, ra_result_t *result,
                              apr_pool_t *pool);
/**
 * As ra_csr_parse() for a bare SubjectPublicKeyInfo whose possession is proved already (CRMF, RFC 4211): der and subject
 * stay empty.
 */
apr_status_t ra_csr_of_key(ra_csr_t **pcsr, ra_bytes_t spki, const char *pointer, ra_result_t *result,
                           apr_pool_t *pool);

#define RA_ANY_TIME ((apr_time_t)-1)
/** The certificates of a PEM file that issue others; for any thread, as long as its pool. */
typedef struct ra_trust_t ra_trust_t;

/** Reads the file. @return APR_SUCCESS, or APR_EINVAL with result->log_detail when it cannot be read or holds no certificate */
apr_status_t ra_trust_load(ra_trust_t **ptrust, const char *ca_file, ra_result_t *result, apr_pool_t *pool);

/**
 * Is the certificate issued (directly or over intermediates of the same file) by the CA certificates of the file, valid at @a when?
 * Signatures with SM2 are verified under the identifier 1234567812345678, whatever the other certificates of the chain are signed with.
 * A certificate is verified by one thread at a time.
 * @param when RA_ANY_TIME: whatever the time
 * @return APR_SUCCESS, or APR_EINVAL with result->log_detail
 */
apr_status_t ra_trust_verify(const ra_trust_t *trust, const ra_cert_t *cert, apr_time_t when, ra_result_t *result);

/** Are all words (comma separated) key usages of RFC 5280 §4.2.1.3 that an end entity may have: neither keyCertSign nor cRLSign? */
int ra_key_usage_is_known(const char *words, apr_pool_t *pool);
/** Purposes (§4.2.1.12; names or dotted OIDs, comma separated) as ra_cert_t names them, or NULL when one is none. */
const char *ra_ext_key_usage_names(const char *words, apr_pool_t *pool);

#endif
