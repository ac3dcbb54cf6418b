/* The other side of CMP (see cmp_ca.h). Its keys are constants, so that a file of the corpus can hold certificates. */
#include "cmp_ca.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_strings.h>
#include <openssl/crmf.h>
#include <openssl/pem.h>

#include "upstream/cmp_internal.h"

enum { CA_KEY = 0x11, RA_KEY = 0x22, SUBSCRIBER_KEY = 0x33 };

/* The key whose 32 secret bytes are all the same (RFC 5915). */
static EVP_PKEY *key_of(unsigned char byte)
{
    static const unsigned char head[] = {0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const unsigned char tail[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    unsigned char der[sizeof(head) + 32 + sizeof(tail)];
    const unsigned char *at = der;

    memcpy(der, head, sizeof(head));
    memset(der + sizeof(head), byte, 32);
    memcpy(der + sizeof(head) + 32, tail, sizeof(tail));
    EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, sizeof(der));
    FUZZ_MUST(key != NULL);
    return key;
}

static X509 *certificate_of(EVP_PKEY *key, const char *name, const X509_NAME *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    FUZZ_MUST(X509_NAME_add_entry_by_txt(subject, "C", MBSTRING_ASC, (const unsigned char *)"CN", -1, -1, 0) == 1 &&
              X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1);
    FUZZ_MUST(X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_issuer_name(cert, issuer ? issuer : subject) == 1 &&
              ASN1_INTEGER_set(X509_get_serialNumber(cert), *name) == 1 && X509_set_pubkey(cert, key) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 86400 * 365) != NULL);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    FUZZ_MUST(X509_add_ext(cert, extension, -1) == 1 && X509_sign(cert, issuer_key, EVP_sha256()) > 0);
    X509_EXTENSION_free(extension);
    return cert;
}

static EVP_PKEY *ca_key, *ra_key;
static X509 *ca_cert, *ra_cert;

static apr_status_t free_keys(void *data)
{
    (void)data;
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(ra_key);
    X509_free(ca_cert);
    X509_free(ra_cert);
    return APR_SUCCESS;
}

static void make_keys(void)
{
    if (!ca_key) {
        apr_pool_cleanup_register(fuzz_lasting(), NULL, free_keys, apr_pool_cleanup_null);
        ca_key = key_of(CA_KEY);
        ra_key = key_of(RA_KEY);
        ca_cert = certificate_of(ca_key, "Fuzz CA", NULL, ca_key);
        ra_cert = certificate_of(ra_key, "Fuzz RA", X509_get_subject_name(ca_cert), ca_key);
    }
}

/* A file in memory; its name. */
static const char *file_of(X509 *cert, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int file = memfd_create("pem", 0);
    char *text;

    FUZZ_MUST(cert ? PEM_write_bio_X509(bio, cert) : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    long len = BIO_get_mem_data(bio, &text);
    FUZZ_MUST(file >= 0 && write(file, text, (size_t)len) == len);
    BIO_free(bio);
    return apr_psprintf(fuzz_lasting(), "/proc/self/fd/%d", file);
}

static const ra_ca_t *make_adapter(int use_p10cr)
{
    ra_result_t *result = ra_result_make(fuzz_lasting());
    ra_cmp_settings_t settings = {.url = "http://127.0.0.1/", .use_p10cr = use_p10cr, .connect_timeout = 1};
    ra_ca_t *ca = NULL;

    make_keys();
    settings.signer_cert_file = file_of(ra_cert, NULL);
    settings.signer_key_file = file_of(NULL, ra_key);
    settings.trust_file = file_of(ca_cert, NULL);
    FUZZ_MUST(ra_cmp_make(&ca, &settings, result, fuzz_lasting()) == APR_SUCCESS);
    return ca;
}

const ra_ca_t *fuzz_ca(int use_p10cr)
{
    static const ra_ca_t *made[2];

    if (!made[use_p10cr]) {
        made[use_p10cr] = make_adapter(use_p10cr);
    }
    return made[use_p10cr];
}

static ra_bytes_t csr_of(EVP_PKEY *key)
{
    X509_REQ *csr = X509_REQ_new();
    unsigned char *der = NULL;

    FUZZ_MUST(X509_REQ_set_pubkey(csr, key) == 1 && X509_REQ_sign(csr, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(csr, &der);
    ra_bytes_t bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), fuzz_lasting());
    OPENSSL_free(der);
    X509_REQ_free(csr);
    return bytes;
}

const ra_ca_request_t *fuzz_ca_request(void)
{
    static const ra_rdn_t subject[] = {{"C", "CN"}, {"O", "示例"}, {"CN", "张三"}};
    static const char *const dns_names[] = {"a.example.cn", NULL};
    static ra_ca_request_t request = {.subject = subject,
                                      .subject_count = 3,
                                      .dns_names = dns_names,
                                      .validity_days = 365,
                                      .key_usage = "digitalSignature",
                                      .ext_key_usage = "clientAuth"};

    if (request.spki.len == 0) {
        EVP_PKEY *key = key_of(SUBSCRIBER_KEY);
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(key, &der);

        request.spki = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), fuzz_lasting());
        request.csr = csr_of(key);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    return &request;
}

/* ---- messages ---- */

/* DER that grows in a pool. */
typedef struct der_t {
    unsigned char *data;
    size_t len;
    apr_pool_t *pool;
} der_t;

static void append(der_t *der, const void *data, size_t len)
{
    unsigned char *room = apr_palloc(der->pool, der->len + len + 1);

    if (der->len > 0) {
        memcpy(room, der->data, der->len);
    }
    if (len > 0) {
        memcpy(room + der->len, data, len);
    }
    der->data = room;
    der->len += len;
}

static void add(der_t *der, unsigned char tag, const void *content, size_t len)
{
    unsigned char head[5] = {tag};
    size_t used = 1;

    if (len < 0x80) {
        head[used++] = (unsigned char)len;
    } else {
        unsigned char bytes = len > 0xffff ? 3 : len > 0xff ? 2 : 1;

        head[used++] = 0x80 | bytes;
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
            head[used++] = (unsigned char)(len >> shift);
        }
    }
    append(der, head, used);
    append(der, content, len);
}

/* An explicit tag around one element. */
static void add_tagged(der_t *der, unsigned char tag, unsigned char inner, const void *content, size_t len)
{
    der_t element = {.pool = der->pool};

    add(&element, inner, content, len);
    add(der, tag, element.data, element.len);
}

static void add_name(der_t *der, const X509_NAME *name)
{
    const unsigned char *content;
    size_t len;

    FUZZ_MUST(X509_NAME_get0_der(name, &content, &len) == 1);
    add(der, 0xa4, content, len);
}

static const unsigned char ecdsa_sha256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* PKIHeader (RFC 9810 §5.1.1). */
static void add_header(der_t *message, ra_bytes_t transaction, ra_bytes_t nonce)
{
    der_t header = {.pool = message->pool};

    add(&header, 0x02, "\x02", 1);
    add_name(&header, X509_get_subject_name(ca_cert));
    add_name(&header, X509_get_subject_name(ra_cert));
    add_tagged(&header, 0xa1, 0x30, ecdsa_sha256, sizeof(ecdsa_sha256));
    add_tagged(&header, 0xa4, 0x04, transaction.data, transaction.len);
    add_tagged(&header, 0xa5, 0x04, "0123456789abcdef", 16);
    add_tagged(&header, 0xa6, 0x04, nonce.data, nonce.len);
    add(message, 0x30, header.data, header.len);
}

/* The signature is over header and body as one SEQUENCE (RFC 9810 §5.1.3). */
static void add_protection(der_t *message, EVP_PKEY *key)
{
    der_t protected_part = {.pool = message->pool};
    unsigned char signature[256] = {0};
    size_t len = sizeof(signature) - 1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    add(&protected_part, 0x30, message->data, message->len);
    FUZZ_MUST(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(context, signature + 1, &len, protected_part.data, protected_part.len) == 1);
    EVP_MD_CTX_free(context);
    add_tagged(message, 0xa0, 0x03, signature, len + 1);
}

static ra_bytes_t bytes_of(const ASN1_OCTET_STRING *string)
{
    return string ? ra_bytes_of(ASN1_STRING_get0_data(string), (apr_size_t)ASN1_STRING_length(string)) : ra_bytes_of(NULL, 0);
}

ra_bytes_t fuzz_ca_answer(ra_bytes_t request, ra_bytes_t body, char kind, apr_pool_t *pool)
{
    const unsigned char *at = request.data;
    OSSL_CMP_MSG *message = d2i_OSSL_CMP_MSG(NULL, &at, (long)request.len);
    der_t parts = {.pool = pool}, whole = {.pool = pool};

    FUZZ_MUST(message != NULL); /* the adapter made it */
    ra_bytes_t other = ra_bytes_of("fedcba9876543210", 16);
    ra_bytes_t transaction = bytes_of(OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message)));
    ra_bytes_t nonce = ra_cmp_sender_nonce(message, pool);
    FUZZ_MUST(transaction.len == 16 && nonce.len == 16);
    add_header(&parts, kind == 'i' ? other : transaction, kind == 'o' ? other : nonce);
    OSSL_CMP_MSG_free(message);
    append(&parts, body.data, body.len);
    add_protection(&parts, kind == 'w' ? ra_key : ca_key);
    ra_bytes_t cert = ra_cmp_cert_der(ca_cert, pool);
    add_tagged(&parts, 0xa1, 0x30, cert.data, cert.len);
    add(&whole, 0x30, parts.data, parts.len);
    return ra_bytes_of(whole.data, whole.len);
}

/* ---- a tool ---- */

ra_bytes_t fuzz_ca_certificate(void)
{
    static ra_bytes_t der;

    if (der.len == 0) {
        make_keys();
        EVP_PKEY *key = key_of(SUBSCRIBER_KEY);
        X509 *cert = certificate_of(key, "张三", X509_get_subject_name(ca_cert), ca_key);
        der = ra_cmp_cert_der(cert, fuzz_lasting());
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    return der;
}

/* certConf [24]: the hash of the certificate, request 0. */
static void add_confirmation(der_t *message)
{
    der_t status = {.pool = message->pool}, list = {.pool = message->pool}, content = {.pool = message->pool};
    unsigned char hash[RA_SHA256_BYTES];

    ra_sha256(hash, fuzz_ca_certificate().data, fuzz_ca_certificate().len);
    add(&status, 0x04, hash, sizeof(hash));
    add(&status, 0x02, "", 1);
    add(&list, 0x30, status.data, status.len);
    add(&content, 0x30, list.data, list.len);
    add(message, 0xb8, content.data, content.len);
}

/* The parameters of PasswordBasedMac (RFC 4211 §4.4): few rounds, for speed. */
static const OSSL_CRMF_PBMPARAMETER *parameters(ra_bytes_t *pder)
{
    static OSSL_CRMF_PBMPARAMETER *made;
    static ra_bytes_t der;

    if (!made) {
        unsigned char *bytes = NULL;
        made = OSSL_CRMF_pbmp_new(NULL, 16, NID_sha256, 100, NID_hmac_sha1);
        int len = made ? i2d_OSSL_CRMF_PBMPARAMETER(made, &bytes) : 0;
        FUZZ_MUST(len > 0);
        der = ra_bytes_copy(ra_bytes_of(bytes, (apr_size_t)len), fuzz_lasting());
        OPENSSL_free(bytes);
    }
    *pder = der;
    return made;
}

static void add_tool_header(der_t *message, const fuzz_tool_t *tool)
{
    static const unsigned char pbm[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf6, 0x7d, 0x07, 0x42, 0x0d};
    der_t header = {.pool = message->pool}, algorithm = {.pool = message->pool};
    ra_bytes_t params;

    parameters(&params);
    append(&algorithm, pbm, sizeof(pbm));
    append(&algorithm, params.data, params.len);
    add(&header, 0x02, "\x02", 1);
    add_name(&header, X509_get_subject_name(ra_cert));
    add_name(&header, X509_get_subject_name(ca_cert));
    add_tagged(&header, 0xa1, 0x30, algorithm.data, algorithm.len);
    add_tagged(&header, 0xa2, 0x04, FUZZ_REFERENCE, strlen(FUZZ_REFERENCE));
    add_tagged(&header, 0xa4, 0x04, tool->transaction.data, tool->transaction.len);
    add_tagged(&header, 0xa5, 0x04, "0123456789abcdef", 16);
    if (tool->answered.len > 0) {
        add_tagged(&header, 0xa6, 0x04, tool->answered.data, tool->answered.len);
    }
    add(message, 0x30, header.data, header.len);
}

ra_bytes_t fuzz_tool_message(const fuzz_tool_t *tool, apr_pool_t *pool)
{
    der_t parts = {.pool = pool}, whole = {.pool = pool}, protected_part = {.pool = pool};
    unsigned char *mac = NULL, bits[65] = {0};
    size_t len = 0;
    ra_bytes_t params;

    make_keys();
    add_tool_header(&parts, tool);
    if (tool->body.len > 0) {
        append(&parts, tool->body.data, tool->body.len);
    } else {
        add_confirmation(&parts);
    }
    add(&protected_part, 0x30, parts.data, parts.len);
    FUZZ_MUST(OSSL_CRMF_pbm_new(NULL, NULL, parameters(&params), protected_part.data, protected_part.len,
                                (const unsigned char *)tool->secret, strlen(tool->secret), &mac, &len) == 1 &&
              len < sizeof(bits));
    memcpy(bits + 1, mac, len);
    OPENSSL_free(mac);
    add_tagged(&parts, 0xa0, 0x03, bits, len + 1);
    add(&whole, 0x30, parts.data, parts.len);
    return ra_bytes_of(whole.data, whole.len);
}
