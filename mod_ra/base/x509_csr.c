/*
 * Certificate requests (PKCS#10, RFC 2986): reading and every check that a stranger's request must pass.
 * Layer: base. Thread rule: free-threaded; OpenSSL's error queue is left empty.
 *
 * Only key and proof of possession are taken from a request; name and extensions come from the approved application.
 */
#include "base/x509.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/der.h"
#include "base/limits.h"
#include "base/sm2.h"
#include "base/x509_internal.h"

/* What is wrong with a request; no fields set while nothing is. */
typedef struct refusal_t {
    const char *problem;
    const char *violation;
    const char *detail; /* for the log */
} refusal_t;

/* Each returns 0, so that checks can write `return unreadable(...)`. */
static int refuse(refusal_t *refusal, const char *problem, const char *violation, const char *detail)
{
    refusal->problem = problem;
    refusal->violation = violation;
    refusal->detail = detail;
    return 0;
}

static int unreadable(refusal_t *refusal, const char *detail)
{
    return refuse(refusal, RA_PROBLEM_CSR_INVALID, RA_VIOLATION_CSR_UNREADABLE, detail);
}

/* ---- text and DER ---- */

static int read_text(ra_bytes_t *pder, const char *text, refusal_t *refusal, apr_pool_t *pool)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    apr_size_t len = text ? strnlen(text, RA_CSR_MAX_BYTES + 1) : 0;

    if (len == 0 || len > RA_CSR_MAX_BYTES) {
        return unreadable(refusal, "the request is absent or too large");
    }
    apr_status_t status = ra_pem_read(pder, text, labels, pool);
    if (status == APR_ENOENT) {
        status = ra_pem_read_body(pder, text, len, pool);
    }
    if (status != APR_SUCCESS) {
        return unreadable(refusal, "the text is neither one PEM block nor base64");
    }
    return ra_der_is_exact(*pder) ? 1 : unreadable(refusal, "the request is not exactly one DER element");
}

static int read_parts(ra_csr_t *csr, X509_REQ *request, refusal_t *refusal, apr_pool_t *pool)
{
    const char *reason =
        X509_REQ_get_version(request) == X509_REQ_VERSION_1 ? NULL : "the request has a strange version";

    if (!reason) {
        reason = ra_x509_read_name(&csr->subject, X509_REQ_get_subject_name(request), pool);
    }
    if (!reason) {
        reason = ra_x509_read_key(&csr->key, X509_REQ_get_X509_PUBKEY(request), pool);
    }
    return reason ? unreadable(refusal, reason) : 1;
}

/* ---- the key ---- */

/* Before the coordinates of a point: SubjectPublicKeyInfo with id-ecPublicKey, the curve by its name, uncompressed (RFC 5480 §2). */
#define POINT_HEAD_BYTES 27
#define POINT_BYTES (POINT_HEAD_BYTES + 64)
static const unsigned char p256_head[POINT_HEAD_BYTES] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                                          0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const unsigned char sm2_head[POINT_HEAD_BYTES] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
                                                         0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D, 0x03, 0x42, 0x00, 0x04};

/*
 * The same key must have the same bytes, or one key could be certified twice under two hashes: a point has its one uncompressed form, an RSA key the
 * encoding that OpenSSL makes (which takes it as long as a signature).
 */
static int encoding_is_usual(const ra_key_t *key, const EVP_PKEY *public_key, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    ra_bytes_t usual;
    int len;

    if (key->kind != RA_KEY_RSA) {
        return key->spki.len == POINT_BYTES && memcmp(key->spki.data, key->kind == RA_KEY_SM2 ? sm2_head : p256_head, POINT_HEAD_BYTES) == 0;
    }
    len = i2d_PUBKEY(public_key, &der);
    usual = ra_x509_take_der(der, len, pool);
    return usual.data && ra_bytes_equal(usual, key->spki);
}

/* P-256 and SM2 have the cofactor 1: every point of the curve but infinity has the full order, and nothing has to be multiplied (SP 800-56A §5.6.2.3.4). */
static int point_is_good(EVP_PKEY *public_key)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(public_key, NULL);
    int good = context && EVP_PKEY_public_check_quick(context) == 1;

    EVP_PKEY_CTX_free(context);
    return good;
}

static int key_is_good(const ra_csr_t *csr, EVP_PKEY *public_key, refusal_t *refusal, apr_pool_t *pool)
{
    const char *weakness = NULL;

    switch (csr->key.kind) {
    case RA_KEY_RSA:
        weakness = ra_x509_rsa_weakness(public_key);
        break;
    case RA_KEY_EC_P256:
    case RA_KEY_SM2:
        weakness = point_is_good(public_key) ? NULL : RA_VIOLATION_KEY_KNOWN_WEAK;
        break;
    default:
        weakness = RA_VIOLATION_KEY_KIND;
    }
    if (weakness) {
        return refuse(refusal, RA_PROBLEM_KEY_WEAK, weakness, ra_key_kind_name(csr->key.kind));
    }
    return encoding_is_usual(&csr->key, public_key, pool) ? 1 : unreadable(refusal, "the key has an unusual encoding");
}

/* ---- requested extensions ---- */

static int asks_for_ca(const X509_EXTENSIONS *extensions)
{
    int asks = 0;

    for (int i = 0; i < sk_X509_EXTENSION_num(extensions) && !asks; i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, i);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_basic_constraints) {
            BASIC_CONSTRAINTS *constraints = X509V3_EXT_d2i(extension);
            asks = !constraints || constraints->ca;
            BASIC_CONSTRAINTS_free(constraints);
        }
    }
    return asks;
}

/* One value of an extensionRequest attribute (RFC 2985 §5.4.2). */
static int extension_request_is_good(const ASN1_TYPE *value)
{
    X509_EXTENSIONS *extensions = NULL;

    if (value && value->type == V_ASN1_SEQUENCE) {
        const unsigned char *at = value->value.sequence->data;
        extensions = d2i_X509_EXTENSIONS(NULL, &at, value->value.sequence->length);
    }
    int good = extensions && !asks_for_ca(extensions);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return good;
}

/* All attributes and all their values are looked at: a second one must not hide behind the first. */
static int extensions_are_good(const X509_REQ *request, refusal_t *refusal)
{
    for (int i = 0; i < X509_REQ_get_attr_count(request); i++) {
        X509_ATTRIBUTE *attribute = X509_REQ_get_attr(request, i);
        int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attribute));
        if (nid != NID_ext_req && nid != NID_ms_ext_req) {
            continue;
        }
        for (int j = 0; j < X509_ATTRIBUTE_count(attribute); j++) {
            if (!extension_request_is_good(X509_ATTRIBUTE_get0_type(attribute, j))) {
                return refuse(refusal, RA_PROBLEM_CSR_INVALID, RA_VIOLATION_CSR_EXTENSION,
                              "a requested extension is unreadable or asks for a CA certificate");
            }
        }
    }
    return 1;
}

/* ---- the whole ---- */

/*
 * Is the request signed with its own key? OpenSSL compares the kind of the key with the algorithm of the signature, so
 * SM2 under an identifier of its own, ECDSA on SM2's curve and SM2 on P-256 all end here.
 */
static int signature_is_good(const ra_csr_t *csr, X509_REQ *request, EVP_PKEY *public_key, refusal_t *refusal)
{
    if (ra_sm2_prepare_request(request) && X509_REQ_verify(request, public_key) == 1) {
        return 1;
    }
    return refuse(refusal, RA_PROBLEM_CSR_INVALID,
                  csr->key.kind == RA_KEY_SM2 ? RA_VIOLATION_CSR_SM2_SIGNATURE : RA_VIOLATION_CSR_SIGNATURE,
                  "the proof of possession is wrong");
}

/* The key is judged before it is used: a signature under a monstrous key would be costly to verify. */
static int check(ra_csr_t *csr, X509_REQ *request, refusal_t *refusal, apr_pool_t *pool)
{
    if (!request) {
        return unreadable(refusal, "it is not a certificate request");
    }
    if (!read_parts(csr, request, refusal, pool)) {
        return 0;
    }
    EVP_PKEY *public_key = X509_REQ_get0_pubkey(request);
    if (!key_is_good(csr, public_key, refusal, pool)) {
        return 0;
    }
    return signature_is_good(csr, request, public_key, refusal) && extensions_are_good(request, refusal);
}

static int read_der(ra_csr_t *csr, refusal_t *refusal, apr_pool_t *pool)
{
    const unsigned char *at = csr->der.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)csr->der.len);
    int good = check(csr, request, refusal, pool);

    X509_REQ_free(request);
    return good;
}

static const char *parse_key(X509_PUBKEY **pkey, ra_key_t *key, ra_bytes_t spki, apr_pool_t *pool)
{
    const unsigned char *at = spki.data;

    *pkey = d2i_X509_PUBKEY(NULL, &at, (long)spki.len);
    return *pkey && at == spki.data + spki.len ? ra_x509_read_key(key, *pkey, pool) : "it is not a public key";
}

static int read_bare_key(ra_csr_t *csr, ra_bytes_t spki, refusal_t *refusal, apr_pool_t *pool)
{
    X509_PUBKEY *key;
    const char *reason = parse_key(&key, &csr->key, spki, pool);
    int good = reason ? unreadable(refusal, reason) : key_is_good(csr, X509_PUBKEY_get0(key), refusal, pool);

    X509_PUBKEY_free(key);
    return good;
}

static int size_is_good(ra_bytes_t der, refusal_t *refusal)
{
    if (der.len == 0 || der.len > RA_CSR_MAX_BYTES || !ra_der_is_exact(der)) {
        return unreadable(refusal, "it is absent, too large or not exactly one DER element");
    }
    return 1;
}

/* The end of every reading: the error queue is emptied, and what was wrong is told. */
static apr_status_t conclude(ra_csr_t **pcsr, ra_csr_t *csr, const refusal_t *refusal, const char *pointer,
                             ra_result_t *result)
{
    ERR_clear_error();
    *pcsr = refusal->problem ? NULL : csr;
    if (*pcsr) {
        return APR_SUCCESS;
    }
    ra_result_violation(result, pointer, refusal->violation);
    return ra_refuse(result, refusal->problem, refusal->detail);
}

apr_status_t ra_csr_parse(ra_csr_t **pcsr, const char *text, const char *pointer, ra_result_t *result, apr_pool_t *pool)
{
    refusal_t refusal = {NULL, NULL, NULL};
    ra_csr_t *csr = apr_pcalloc(pool, sizeof(*csr));

    ERR_clear_error();
    if (read_text(&csr->der, text, &refusal, pool)) {
        read_der(csr, &refusal, pool);
    }
    return conclude(pcsr, csr, &refusal, pointer, result);
}

apr_status_t ra_csr_parse_der(ra_csr_t **pcsr, ra_bytes_t der, const char *pointer, ra_result_t *result,
                              apr_pool_t *pool)
{
    refusal_t refusal = {NULL, NULL, NULL};
    ra_csr_t *csr = apr_pcalloc(pool, sizeof(*csr));

    ERR_clear_error();
    csr->der = ra_bytes_copy(der, pool);
    if (size_is_good(der, &refusal)) {
        read_der(csr, &refusal, pool);
    }
    return conclude(pcsr, csr, &refusal, pointer, result);
}

apr_status_t ra_csr_of_key(ra_csr_t **pcsr, ra_bytes_t spki, const char *pointer, ra_result_t *result, apr_pool_t *pool)
{
    refusal_t refusal = {NULL, NULL, NULL};
    ra_csr_t *csr = apr_pcalloc(pool, sizeof(*csr));

    ERR_clear_error();
    if (size_is_good(spki, &refusal)) {
        read_bare_key(csr, spki, &refusal, pool);
    }
    return conclude(pcsr, csr, &refusal, pointer, result);
}
