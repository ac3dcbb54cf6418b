/*
 * Contents of CMP requests: names, extensions, a stand-in certificate; texts. Layer: upstream. Thread rule: free-threaded.
 */
#include "upstream/cmp_internal.h"

#include <apr_strings.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_MAX 300 /* bytes; whole code points */

static int add_attribute(X509_NAME *name, const char *type, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

X509_NAME *ra_cmp_name_make(const ra_rdn_t *rdns, int count)
{
    X509_NAME *name = X509_NAME_new();
    int ok = name != NULL && count > 0;
    int i;

    for (i = 0; ok && i < count; i++) {
        ok = add_attribute(name, rdns[i].type, rdns[i].value);
    }
    if (!ok) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

/* Cuts one "type=value" off *ptext, which stands behind a slash; a backslash keeps the next character. 0 when it is
 * none. */
static int next_attribute(X509_NAME *name, const char **ptext, char *room)
{
    char *out = room;
    char *value = NULL;
    const char *at;

    for (at = *ptext; *at != '\0' && *at != '/'; at++) {
        if (*at == '=' && value == NULL) {
            *out++ = '\0';
            value = out;
        } else {
            at += *at == '\\' && at[1] != '\0';
            *out++ = *at;
        }
    }
    *out = '\0';
    *ptext = at;
    return value != NULL && add_attribute(name, room, value);
}

X509_NAME *ra_cmp_name_parse(const char *text)
{
    X509_NAME *name = X509_NAME_new();
    char *room = OPENSSL_malloc(strlen(text) + 2);
    int ok = name != NULL && room != NULL && *text == '/';

    while (ok && *text == '/') {
        text++;
        ok = next_attribute(name, &text, room);
    }
    OPENSSL_free(room);
    if (!ok) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

static int push_name(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
    GENERAL_NAME *name = value != NULL ? GENERAL_NAME_new() : NULL;

    if (name == NULL) {
        ASN1_STRING_free(value);
        return 0;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (!sk_GENERAL_NAME_push(names, name)) {
        GENERAL_NAME_free(name);
        return 0;
    }
    return 1;
}

static int push_dns(GENERAL_NAMES *names, const char *dns)
{
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();

    if (value != NULL && !ASN1_STRING_set(value, dns, -1)) {
        ASN1_IA5STRING_free(value);
        value = NULL;
    }
    return push_name(names, GEN_DNS, value);
}

/* The names come as data, never through OpenSSL's configuration syntax, where a comma would begin another name. */
static int add_names(X509_EXTENSIONS **pextensions, const ra_ca_request_t *request)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    const char *const *name;
    int ok = names != NULL;

    for (name = request->dns_names; ok && name != NULL && *name != NULL; name++) {
        ok = push_dns(names, *name);
    }
    for (name = request->ip_names; ok && name != NULL && *name != NULL; name++) {
        ok = push_name(names, GEN_IPADD, a2i_IPADDRESS(*name));
    }
    if (ok && sk_GENERAL_NAME_num(names) > 0) {
        ok = X509V3_add1_i2d(pextensions, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
    }
    GENERAL_NAMES_free(names);
    return ok;
}

static int add_by_text(X509_EXTENSIONS **pextensions, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    int ok = extension != NULL && X509v3_add_ext(pextensions, extension, -1) != NULL;

    X509_EXTENSION_free(extension);
    return ok;
}

static int add_key_usage(X509_EXTENSIONS **pextensions, const char *usage)
{
    char text[256] = "critical,";

    if (usage == NULL || *usage == '\0') {
        return 1;
    }
    if (strlen(usage) >= sizeof(text) - 16) {
        return 0;
    }
    strcat(text, usage);
    return add_by_text(pextensions, NID_key_usage, text);
}

X509_EXTENSIONS *ra_cmp_extensions_make(const ra_ca_request_t *request)
{
    X509_EXTENSIONS *extensions = sk_X509_EXTENSION_new_null();
    const char *extended = request->ext_key_usage;

    if (extensions == NULL || !add_key_usage(&extensions, request->key_usage) ||
        (extended != NULL && *extended != '\0' && !add_by_text(&extensions, NID_ext_key_usage, extended)) ||
        !add_names(&extensions, request)) {
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        return NULL;
    }
    return extensions;
}

X509 *ra_cmp_stub_make(const char *serial_hex, const X509_NAME *issuer, EVP_PKEY *any_key)
{
    X509 *cert = X509_new();
    BIGNUM *number = NULL;

    if (cert == NULL || serial_hex == NULL || BN_hex2bn(&number, serial_hex) != (int)strlen(serial_hex) ||
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) == NULL || !X509_set_version(cert, X509_VERSION_3) ||
        !X509_set_issuer_name(cert, issuer) || !X509_set_subject_name(cert, issuer) ||
        !X509_set_pubkey(cert, any_key) || X509_gmtime_adj(X509_getm_notBefore(cert), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), 86400) == NULL || X509_sign(cert, any_key, EVP_sha256()) <= 0) {
        X509_free(cert);
        cert = NULL;
    }
    BN_free(number);
    return cert;
}

const char *ra_cmp_clean_text(const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *clean = apr_palloc(pool, TEXT_MAX + 1);
    apr_size_t out = 0;
    apr_size_t at = 0;

    while (at < len && out + RA_UTF8_MAX <= TEXT_MAX) {
        apr_uint32_t code = 0;
        apr_size_t size = ra_utf8_read(&code, text + at, len - at);
        if (size == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            clean[out++] = size == 0 ? '?' : ' ';
        } else {
            memcpy(clean + out, text + at, size);
            out += size;
        }
        at += size > 0 ? size : 1;
    }
    clean[out] = '\0';
    return clean;
}

ra_bytes_t ra_cmp_cert_der(X509 *cert, apr_pool_t *pool)
{
    ra_bytes_t der = {NULL, 0};
    int len = i2d_X509(cert, NULL);
    unsigned char *bytes;

    if (len > 0) {
        unsigned char *at = bytes = apr_palloc(pool, (apr_size_t)len);
        der = ra_bytes_of(bytes, (apr_size_t)i2d_X509(cert, &at));
    }
    return der;
}
