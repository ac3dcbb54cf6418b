/*
 * Random bytes, digests, constant-time comparing and text encodings over OpenSSL (see crypt.h); keyring.c does the rest.
 * Layer: base. Thread rule: free-threaded.
 */
#include "base/crypt.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

void ra_crypt_thread_end(void)
{
    OPENSSL_thread_stop();
}

/* ---- bytes ---- */

ra_bytes_t ra_bytes_of(const void *data, apr_size_t len)
{
    ra_bytes_t bytes = {data, len};

    return bytes;
}

ra_bytes_t ra_bytes_text(const char *text)
{
    return ra_bytes_of(text, text ? strlen(text) : 0);
}

ra_bytes_t ra_bytes_copy(ra_bytes_t bytes, apr_pool_t *pool)
{
    return ra_bytes_of(bytes.data ? apr_pmemdup(pool, bytes.data, bytes.len) : NULL, bytes.len);
}

int ra_bytes_equal(ra_bytes_t a, ra_bytes_t b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.data, b.data, a.len) == 0);
}

void ra_wipe(void *buffer, apr_size_t len)
{
    OPENSSL_cleanse(buffer, len);
}

apr_status_t ra_random(void *buffer, apr_size_t len)
{
    if (len > INT_MAX || RAND_bytes(buffer, (int)len) != 1) {
        ERR_clear_error();
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* ---- digests ---- */

/* A digest that failed must never pass for one: without SHA-256 nothing here can go on. */
static void needed(const void *digest)
{
    if (!digest) {
        abort();
    }
}

void ra_sha256(unsigned char digest[RA_SHA256_BYTES], const void *data, apr_size_t len)
{
    needed(SHA256(data, len, digest));
}

apr_status_t ra_sha256_file(unsigned char digest[RA_SHA256_BYTES], apr_file_t *file)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    apr_status_t status = good ? APR_SUCCESS : APR_EGENERAL;

    while (status == APR_SUCCESS) {
        char buffer[16 * 1024];
        apr_size_t len = sizeof(buffer);

        status = apr_file_read(file, buffer, &len);
        if (status == APR_SUCCESS && EVP_DigestUpdate(context, buffer, len) != 1) {
            status = APR_EGENERAL;
        }
    }
    if (status == APR_EOF) {
        status = EVP_DigestFinal_ex(context, digest, NULL) == 1 ? APR_SUCCESS : APR_EGENERAL;
    }
    EVP_MD_CTX_free(context);
    return status;
}

void ra_hmac_sha256(unsigned char mac[RA_SHA256_BYTES], ra_bytes_t key, ra_bytes_t data)
{
    unsigned int len = 0;

    if (key.len > INT_MAX) {
        abort();
    }
    needed(HMAC(EVP_sha256(), key.data ? key.data : (const void *)"", (int)key.len, data.data, data.len, mac, &len));
}

/* ---- encodings ---- */

const char *ra_hex(ra_bytes_t bytes, apr_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";
    char *text = apr_palloc(pool, bytes.len * 2 + 1);

    for (apr_size_t i = 0; i < bytes.len; i++) {
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[bytes.len * 2] = '\0';
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

apr_status_t ra_hex_decode(ra_bytes_t *pbytes, const char *hex, apr_pool_t *pool)
{
    apr_size_t len = strlen(hex) / 2;
    unsigned char *data = apr_palloc(pool, len + 1);

    if (hex[2 * len] != '\0') {
        return APR_EINVAL;
    }
    for (apr_size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            return APR_EINVAL;
        }
        data[i] = (unsigned char)(high << 4 | low);
    }
    *pbytes = ra_bytes_of(data, len);
    return APR_SUCCESS;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const char *ra_base64url(ra_bytes_t bytes, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, bytes.len / 3 * 4 + 5);
    char *at = text;
    unsigned int bits = 0;
    int count = 0;

    for (apr_size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | bytes.data[i]) & 0xFFFF;
        for (count += 8; count >= 6; count -= 6) {
            *at++ = base64url_digits[bits >> (count - 6) & 63];
        }
    }
    if (count > 0) {
        *at++ = base64url_digits[bits << (6 - count) & 63];
    }
    *at = '\0';
    return text;
}

static void build_values(signed char values[256], const char *digits)
{
    memset(values, -1, 256);
    for (int i = 0; i < 64; i++) {
        values[(unsigned char)digits[i]] = (signed char)i;
    }
}

/* Decodes digits without padding; returns how many were good. One text per value: unused bits must be zero. */
static apr_size_t decode_digits(unsigned char *data, apr_size_t *psize, const char *text, apr_size_t len,
                                const char *digits)
{
    signed char values[256];
    unsigned int bits = 0;
    int count = 0;

    *psize = 0;
    build_values(values, digits);
    for (apr_size_t i = 0; i < len; i++) {
        int value = values[(unsigned char)text[i]];
        if (value < 0) {
            return i;
        }
        bits = (bits << 6 | (unsigned int)value) & 0xFFFF;
        count += 6;
        if (count >= 8) {
            count -= 8;
            data[(*psize)++] = (unsigned char)(bits >> count & 0xFF);
        }
    }
    return (bits & ((1U << count) - 1)) == 0 ? len : len - 1;
}

static apr_status_t base64_decode(ra_bytes_t *pbytes, const char *text, apr_size_t len, const char *digits,
                                  apr_pool_t *pool)
{
    apr_size_t size;

    if (len % 4 == 1) {
        return APR_EINVAL;
    }
    unsigned char *data = apr_palloc(pool, len / 4 * 3 + 4);
    if (decode_digits(data, &size, text, len, digits) < len) {
        ra_wipe(data, size); /* it may have been a key */
        return APR_EINVAL;
    }
    *pbytes = ra_bytes_of(data, size);
    return APR_SUCCESS;
}

apr_status_t ra_base64url_decode(ra_bytes_t *pbytes, const char *text, apr_pool_t *pool)
{
    return base64_decode(pbytes, text, strlen(text), base64url_digits, pool);
}

apr_status_t ra_base64_decode(ra_bytes_t *pbytes, const char *text, apr_pool_t *pool)
{
    apr_size_t len = strlen(text), padding = 0;

    if (len % 4 != 0) {
        return APR_EINVAL;
    }
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=') {
        padding++;
    }
    return base64_decode(pbytes, text, len - padding, base64_digits, pool);
}
