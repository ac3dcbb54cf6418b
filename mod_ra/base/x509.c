/*
 * Certificates as plain structures, and whether a CA of ours issued one (see x509.h).
 * Layer: base. Thread rule: free-threaded; OpenSSL's error queue is left empty.
 */
#include "base/x509.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/der.h"
#include "base/limits.h"
#include "base/sm2.h"
#include "base/x509_internal.h"

/* ---- parts of a certificate; each returns a reason, or NULL ---- */

static const char *read_serial(ra_cert_t *cert, const X509 *x509, apr_pool_t *pool)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number && !BN_is_negative(number) ? BN_bn2hex(number) : NULL;

    if (hex) {
        cert->serial = BN_is_zero(number) ? "00" : apr_pstrdup(pool, hex);
    }
    OPENSSL_free(hex);
    BN_free(number);
    return cert->serial ? NULL : "the serial number is negative or unreadable";
}

static const char *read_time(apr_time_t *ptime, const ASN1_TIME *from)
{
    struct tm fields;

    if (ASN1_TIME_to_tm(from, &fields) != 1) {
        return "a time of the validity is unreadable";
    }
    *ptime = apr_time_from_sec(timegm(&fields));
    return NULL;
}

/* A dNSName is ASCII without spaces and control characters; anything else could read as another name. */
static const char *read_dns_name(const char **pname, const ASN1_STRING *from, apr_pool_t *pool)
{
    const unsigned char *data = ASN1_STRING_get0_data(from);
    int len = ASN1_STRING_length(from);

    for (int i = 0; i < len; i++) {
        if (data[i] <= 0x20 || data[i] >= 0x7F) {
            return "a DNS name holds a strange character";
        }
    }
    *pname = apr_pstrmemdup(pool, (const char *)data, (apr_size_t)len);
    return NULL;
}

static const char *read_ip_name(const char **pname, const ASN1_STRING *from, apr_pool_t *pool)
{
    char text[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(from);

    if (len != 4 && len != 16) {
        return "an IP address has a strange length";
    }
    inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(from), text, sizeof(text));
    *pname = apr_pstrdup(pool, text);
    return NULL;
}

static const char *read_alternative_names(ra_cert_t *cert, const GENERAL_NAMES *names, apr_pool_t *pool)
{
    int count = names ? sk_GENERAL_NAME_num(names) : 0, dns = 0, ip = 0;
    const char *reason = NULL;

    cert->dns_names = apr_pcalloc(pool, sizeof(char *) * (apr_size_t)(count + 1));
    cert->ip_names = apr_pcalloc(pool, sizeof(char *) * (apr_size_t)(count + 1));
    for (int i = 0; i < count && !reason; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS) {
            reason = read_dns_name(&cert->dns_names[dns++], name->d.dNSName, pool);
        } else if (name->type == GEN_IPADD) {
            reason = read_ip_name(&cert->ip_names[ip++], name->d.iPAddress, pool);
        } else {
            cert->other_names++;
        }
    }
    return reason;
}

static const char *joined(const char *list, const char *word, apr_pool_t *pool)
{
    return apr_pstrcat(pool, list, *list ? "," : "", word, NULL);
}

/* RFC 5280 §4.2.1.3, by bit */
static const char *const key_usages[] = {
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
    "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly",
};
#define KEY_USAGES ((int)(sizeof(key_usages) / sizeof(*key_usages)))

static const char *key_usage_text(ASN1_BIT_STRING *bits, apr_pool_t *pool)
{
    const char *list = "";

    for (int i = 0; bits && i < KEY_USAGES; i++) {
        if (ASN1_BIT_STRING_get_bit(bits, i)) {
            list = joined(list, key_usages[i], pool);
        }
    }
    return list;
}

static int is_leaf_usage(const char *word)
{
    for (int i = 0; i < KEY_USAGES; i++) {
        if (strcmp(word, key_usages[i]) == 0) {
            return strcmp(word, "keyCertSign") != 0 && strcmp(word, "cRLSign") != 0;
        }
    }
    return 0;
}

int ra_key_usage_is_known(const char *words, apr_pool_t *pool)
{
    char *state, *text = apr_pstrdup(pool, words);

    for (char *word = apr_strtok(text, ",", &state); word; word = apr_strtok(NULL, ",", &state)) {
        if (!is_leaf_usage(word)) {
            return 0;
        }
    }
    return 1;
}

/* The name of a purpose as certificates are read here: short where OpenSSL has one, else dotted. */
static const char *purpose_name(const ASN1_OBJECT *object, apr_pool_t *pool)
{
    char dotted[128];
    int nid = OBJ_obj2nid(object);

    if (nid == NID_undef) {
        OBJ_obj2txt(dotted, sizeof(dotted), object, 1);
    }
    return apr_pstrdup(pool, nid == NID_undef ? dotted : OBJ_nid2sn(nid));
}

const char *ra_ext_key_usage_names(const char *words, apr_pool_t *pool)
{
    char *state, *text = apr_pstrdup(pool, words);
    const char *list = "";

    for (char *word = apr_strtok(text, ",", &state); word; word = apr_strtok(NULL, ",", &state)) {
        ASN1_OBJECT *object = OBJ_txt2obj(word, 0);

        if (!object) {
            ERR_clear_error();
            return NULL;
        }
        list = joined(list, purpose_name(object, pool), pool);
        ASN1_OBJECT_free(object);
    }
    return list;
}

static const char *ext_key_usage_text(const EXTENDED_KEY_USAGE *usages, apr_pool_t *pool)
{
    const char *list = "";

    for (int i = 0; usages && i < sk_ASN1_OBJECT_num(usages); i++) {
        list = joined(list, purpose_name(sk_ASN1_OBJECT_value(usages, i), pool), pool);
    }
    return list;
}

/* An extension that is absent (-1) is fine; one that occurs twice (-2) or cannot be read (NULL with 0 or 1) is not. */
static void *extension(const char **preason, const X509 *x509, int nid)
{
    int critical;
    void *value = X509_get_ext_d2i(x509, nid, &critical, NULL);

    if (!value && critical != -1) {
        *preason = "an extension occurs twice or is unreadable";
    }
    return value;
}

static const char *read_extensions(ra_cert_t *cert, const X509 *x509, apr_pool_t *pool)
{
    const char *reason = NULL;
    GENERAL_NAMES *names = extension(&reason, x509, NID_subject_alt_name);
    ASN1_BIT_STRING *key_usage = extension(&reason, x509, NID_key_usage);
    EXTENDED_KEY_USAGE *ext_key_usage = extension(&reason, x509, NID_ext_key_usage);
    BASIC_CONSTRAINTS *constraints = extension(&reason, x509, NID_basic_constraints);
    const char *names_reason = read_alternative_names(cert, names, pool);

    cert->key_usage = key_usage_text(key_usage, pool);
    cert->ext_key_usage = ext_key_usage_text(ext_key_usage, pool);
    cert->is_ca = constraints && constraints->ca;
    GENERAL_NAMES_free(names);
    ASN1_BIT_STRING_free(key_usage);
    EXTENDED_KEY_USAGE_free(ext_key_usage);
    BASIC_CONSTRAINTS_free(constraints);
    return reason ? reason : names_reason;
}

static const char *read_cert(ra_cert_t *cert, const X509 *x509, apr_pool_t *pool)
{
    const char *reason = read_serial(cert, x509, pool);

    if (!reason) {
        reason = ra_x509_read_name(&cert->issuer, X509_get_issuer_name(x509), pool);
    }
    if (!reason) {
        reason = ra_x509_read_name(&cert->subject, X509_get_subject_name(x509), pool);
    }
    if (!reason) {
        reason = read_time(&cert->not_before, X509_get0_notBefore(x509));
    }
    if (!reason) {
        reason = read_time(&cert->not_after, X509_get0_notAfter(x509));
    }
    if (!reason) {
        reason = ra_x509_read_key(&cert->key, X509_get_X509_PUBKEY(x509), pool);
    }
    return reason ? reason : read_extensions(cert, x509, pool);
}

/* ---- the whole ---- */

static const char not_whole[] = "the certificate is too large or not exactly one DER element";

static apr_status_t unreadable(ra_result_t *result, const char *reason)
{
    result->log_detail = apr_pstrdup(result->pool, reason);
    return APR_EINVAL;
}

static apr_status_t free_x509(void *x509)
{
    X509_free(x509);
    return APR_SUCCESS;
}

/* Takes the object over, be it NULL. */
static apr_status_t take_x509(ra_cert_t **pcert, X509 *x509, ra_bytes_t der, ra_result_t *result, apr_pool_t *pool)
{
    ra_cert_t *cert = apr_pcalloc(pool, sizeof(*cert));
    const char *reason = x509 ? read_cert(cert, x509, pool) : "it is not a certificate";
    apr_pool_cleanup_register(pool, x509, free_x509, apr_pool_cleanup_null);
    cert->x509 = x509;
    ERR_clear_error();
    if (reason) {
        return unreadable(result, reason);
    }
    cert->der = ra_bytes_copy(der, pool);
    ra_sha256(cert->sha256, der.data, der.len);
    *pcert = cert;
    return APR_SUCCESS;
}

static int is_whole(ra_bytes_t der)
{
    return der.len <= RA_CERT_MAX_BYTES && ra_der_is_exact(der);
}

apr_status_t ra_cert_parse(ra_cert_t **pcert, ra_bytes_t der, ra_result_t *result, apr_pool_t *pool)
{
    const unsigned char *at = der.data;

    *pcert = NULL;
    ERR_clear_error();
    return is_whole(der) ? take_x509(pcert, d2i_X509(NULL, &at, (long)der.len), der, result, pool) : unreadable(result, not_whole);
}

apr_status_t ra_cert_of(ra_cert_t **pcert, X509 *x509, ra_bytes_t der, ra_result_t *result, apr_pool_t *pool)
{
    *pcert = NULL;
    ERR_clear_error();
    return is_whole(der) ? take_x509(pcert, X509_up_ref(x509) ? x509 : NULL, der, result, pool) : unreadable(result, not_whole);
}

apr_status_t ra_cert_parse_pem(ra_cert_t **pcert, const char *pem, ra_result_t *result, apr_pool_t *pool)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    ra_bytes_t der;

    *pcert = NULL;
    if (!pem || strlen(pem) > RA_CERT_MAX_BYTES * 2 || ra_pem_read(&der, pem, labels, pool) != APR_SUCCESS) {
        return unreadable(result, "the text is not exactly one PEM certificate");
    }
    return ra_cert_parse(pcert, der, result, pool);
}

apr_status_t ra_cert_parse_text(ra_cert_t **pcert, const char *text, ra_result_t *result, apr_pool_t *pool)
{
    ra_bytes_t der;

    if (!text || strstr(text, "-----") || ra_pem_read_body(&der, text, strnlen(text, RA_CERT_MAX_BYTES * 2), pool) != APR_SUCCESS) {
        return ra_cert_parse_pem(pcert, text, result, pool);
    }
    *pcert = NULL;
    return ra_cert_parse(pcert, der, result, pool);
}

const char *ra_cert_pem(ra_bytes_t der, apr_pool_t *pool)
{
    return ra_pem_write("CERTIFICATE", der, pool);
}

apr_status_t ra_certs_end(apr_time_t *pend, const char *path)
{
    BIO *in = BIO_new_file(path, "r");
    X509 *x509;
    apr_time_t end;
    apr_status_t status = APR_ENOENT;

    while (in && (x509 = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (!read_time(&end, X509_get0_notAfter(x509)) && (status != APR_SUCCESS || end < *pend)) {
            *pend = end;
            status = APR_SUCCESS;
        }
        X509_free(x509);
    }
    BIO_free(in);
    ERR_clear_error();
    return status;
}

/* ---- verification ---- */

struct ra_trust_t {
    X509_STORE *store;
};

static apr_status_t free_trust(void *trust)
{
    X509_STORE_free(((ra_trust_t *)trust)->store);
    return APR_SUCCESS;
}

/* Every certificate of the operator's file is trusted as it is, so the file may hold an issuing CA without its root. */
apr_status_t ra_trust_load(ra_trust_t **ptrust, const char *ca_file, ra_result_t *result, apr_pool_t *pool)
{
    ra_trust_t *trust = apr_pcalloc(pool, sizeof(*trust));

    *ptrust = NULL;
    ERR_clear_error();
    trust->store = X509_STORE_new();
    apr_pool_cleanup_register(pool, trust, free_trust, apr_pool_cleanup_null);
    X509_LOOKUP *lookup = trust->store ? X509_STORE_add_lookup(trust->store, X509_LOOKUP_file()) : NULL;
    int good = lookup && X509_load_cert_file(lookup, ca_file, X509_FILETYPE_PEM) >= 1 && ra_sm2_prepare_store(trust->store);
    ERR_clear_error();
    if (!good) {
        return unreadable(result, "the CA file cannot be read or holds no certificate");
    }
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(trust->store);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_auth_level(param, 2); /* 112 bits: no SHA-1, no RSA below 2048 */
    *ptrust = trust;
    return APR_SUCCESS;
}

STACK_OF(X509) *ra_x509_trusted(const ra_trust_t *trust)
{
    return X509_STORE_get1_all_certs(trust->store);
}

static void set_time(X509_STORE_CTX *context, apr_time_t when)
{
    if (when == RA_ANY_TIME) {
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME);
    } else {
        X509_STORE_CTX_set_time(context, 0, (time_t)apr_time_sec(when));
    }
}

apr_status_t ra_trust_verify(const ra_trust_t *trust, const ra_cert_t *cert, apr_time_t when, ra_result_t *result)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    const char *reason = "the verification could not be set up";

    ERR_clear_error();
    if (context && ra_sm2_prepare_cert(cert->x509) && X509_STORE_CTX_init(context, trust->store, cert->x509, NULL) == 1) {
        set_time(context, when);
        int good = X509_verify_cert(context) == 1;
        reason = good ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
    }
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return reason ? unreadable(result, reason) : APR_SUCCESS;
}
