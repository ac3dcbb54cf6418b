/*
 * Certificate requests. The first byte says what follows: '0' (the DER of a request begins so) DER, put into PEM; 'S' subject and
 * attributes, signed here with a good key, so that what lies behind the signature is reached; 'K' a public key for the judgement of RSA keys;
 * anything else the text as sent.
 */
#include "fuzz.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/der.h"
#include "base/limits.h"
#include "base/x509_internal.h"

#define ROOM (64 * 1024)

static apr_status_t free_key(void *key)
{
    EVP_PKEY_free(key);
    return APR_SUCCESS;
}

static EVP_PKEY *signer(void)
{
    static EVP_PKEY *key;

    if (!key) {
        key = EVP_EC_gen("P-256");
        FUZZ_MUST(key != NULL);
        apr_pool_cleanup_register(fuzz_lasting(), key, free_key, apr_pool_cleanup_null);
    }
    return key;
}

/* Tag, length and content of one element; returns the place behind it. */
static unsigned char *put(unsigned char *out, unsigned char tag, const void *content, size_t len)
{
    *out++ = tag;
    if (len >= 0x80) {
        *out++ = 0x83;
        *out++ = (unsigned char)(len >> 16);
        *out++ = (unsigned char)(len >> 8);
    }
    *out++ = (unsigned char)len;
    memcpy(out, content, len);
    return out + len;
}

/* The same with lengths as DER wants them. */
static unsigned char *put_der(unsigned char *out, unsigned char tag, const void *content, size_t len)
{
    unsigned char head[4];
    size_t used = 0;

    if (len < 0x80 || len > 0xffff) {
        return put(out, tag, content, len);
    }
    head[used++] = tag;
    head[used++] = len > 0xff ? 0x82 : 0x81;
    if (len > 0xff) {
        head[used++] = (unsigned char)(len >> 8);
    }
    head[used++] = (unsigned char)len;
    memcpy(out, head, used);
    memcpy(out + used, content, len);
    return out + used + len;
}

/* How long the first element is; everything when it has no sensible length. */
static size_t element_len(const uint8_t *data, size_t size)
{
    size_t len = size > 1 ? data[1] : 0, head = 2;

    if (len == 0x81 && size > 2) {
        len = data[2];
        head = 3;
    } else if (len == 0x82 && size > 3) {
        len = (size_t)data[2] << 8 | data[3];
        head = 4;
    }
    return head + len < size ? head + len : size;
}

/* CertificationRequestInfo: version 0, subject and attributes as given, our key. */
static size_t make_info(unsigned char *room, const uint8_t *data, size_t size)
{
    static unsigned char content[ROOM];
    size_t subject = element_len(data, size);
    unsigned char *out = put(content, 0x02, "", 1);

    memcpy(out, data, subject);
    out += subject;
    i2d_PUBKEY(signer(), &out);
    memcpy(out, data + subject, size - subject);
    out += size - subject;
    return (size_t)(put_der(room, 0x30, content, (size_t)(out - content)) - room);
}

static ra_bytes_t signed_request(const uint8_t *data, size_t size)
{
    static const unsigned char ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    static unsigned char parts[ROOM], whole[ROOM];
    unsigned char signature[256] = {0};
    size_t info = make_info(parts, data, size), signature_len = sizeof(signature) - 1;
    unsigned char *out = parts + info;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    FUZZ_MUST(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer()) == 1 &&
              EVP_DigestSign(context, signature + 1, &signature_len, parts, info) == 1);
    EVP_MD_CTX_free(context);
    memcpy(out, ecdsa_sha256, sizeof(ecdsa_sha256));
    out = put_der(out + sizeof(ecdsa_sha256), 0x03, signature, signature_len + 1);
    return ra_bytes_of(whole, (size_t)(put_der(whole, 0x30, parts, (size_t)(out - parts)) - whole));
}

static void check_key(const uint8_t *data, size_t size)
{
    EVP_PKEY *key = d2i_PUBKEY(NULL, &data, (long)size);

    if (key && EVP_PKEY_is_a(key, "RSA")) {
        const char *weakness = ra_x509_rsa_weakness(key);
        FUZZ_MUST(weakness != NULL || EVP_PKEY_get_bits(key) >= RA_RSA_MIN_BITS);
        FUZZ_MUST(weakness != NULL || EVP_PKEY_get_bits(key) <= RA_RSA_MAX_BITS);
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void check_csr(const char *text, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr = NULL, *again = NULL;
    apr_status_t status = ra_csr_parse(&csr, text, "/csr", result, pool);

    FUZZ_MUST(ERR_peek_error() == 0);
    if (status != APR_SUCCESS) {
        FUZZ_MUST(status == RA_EREFUSED && csr == NULL && result->violations->nelts == 1);
        FUZZ_MUST(strcmp(result->problem, RA_PROBLEM_CSR_INVALID) == 0 || strcmp(result->problem, RA_PROBLEM_KEY_WEAK) == 0);
        fuzz_check_refusal(result);
        return;
    }
    FUZZ_MUST(result->problem == NULL && fuzz_is_printable(csr->subject.text));
    FUZZ_MUST(csr->key.kind == RA_KEY_EC_P256 || csr->key.kind == RA_KEY_SM2 ||
              (csr->key.kind == RA_KEY_RSA && csr->key.bits >= RA_RSA_MIN_BITS));
    text = ra_pem_write("CERTIFICATE REQUEST", csr->der, pool);
    if (strlen(text) <= RA_CSR_MAX_BYTES) {
        FUZZ_MUST(ra_csr_parse(&again, text, "/csr", result, pool) == APR_SUCCESS);
        FUZZ_MUST(ra_bytes_equal(again->key.spki, csr->key.spki) && ra_bytes_equal(again->der, csr->der));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    char first = size > 0 ? (char)data[0] : '\0';

    if (size > RA_CSR_MAX_BYTES * 2) {
        return 0;
    }
    if (first == '0') {
        check_csr(ra_pem_write("CERTIFICATE REQUEST", ra_bytes_of(data, size), pool), pool);
    } else if (first == 'S' && size < ROOM / 4) {
        check_csr(ra_pem_write("CERTIFICATE REQUEST", signed_request(data + 1, size - 1), pool), pool);
    } else if (first == 'K') {
        check_key(data + 1, size - 1);
    } else {
        check_csr(fuzz_text(data, size), pool);
    }
    return 0;
}
