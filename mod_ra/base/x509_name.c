/*
 * Distinguished names and public keys as plain structures (see x509.h).
 * Layer: base. Thread rule: free-threaded.
 *
 * Names are walked entry by entry and by length: X509_NAME_get_text_by_NID would end "admin\0x" at the NUL, give UTF-16
 * for a BMPString and the first of two common names.
 */
#include "base/x509_internal.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "base/utf8.h"

ra_bytes_t ra_x509_take_der(unsigned char *der, int len, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};

    if (len > 0) {
        bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
        OPENSSL_free(der);
    }
    return bytes;
}

/* ---- names ---- */

/* Control characters of ASCII and Latin-1, NUL among them, have no place in a name. */
static int is_printable_utf8(const char *text, apr_size_t len)
{
    apr_uint32_t code;
    apr_size_t step;

    for (apr_size_t at = 0; at < len; at += step) {
        step = ra_utf8_read(&code, text + at, len - at);
        if (step == 0 || code < 0x20 || (code >= 0x7F && code <= 0x9F)) {
            return 0;
        }
    }
    return 1;
}

static const char *attribute_type(const ASN1_OBJECT *object, apr_pool_t *pool)
{
    char dotted[128];
    int nid = OBJ_obj2nid(object);

    if (nid != NID_undef) {
        return OBJ_nid2sn(nid);
    }
    int len = OBJ_obj2txt(dotted, sizeof(dotted), object, 1);
    return len > 0 && len < (int)sizeof(dotted) ? apr_pstrdup(pool, dotted) : NULL;
}

static const char *read_attribute(ra_rdn_t *rdn, const X509_NAME_ENTRY *entry, apr_pool_t *pool)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));

    if (len < 0) {
        return "a name holds a value that is not text";
    }
    int printable = is_printable_utf8((const char *)utf8, (apr_size_t)len);
    rdn->value = apr_pstrmemdup(pool, (const char *)utf8, (apr_size_t)len);
    OPENSSL_free(utf8);
    if (!printable) {
        return "a name holds a NUL, a control character or broken text";
    }
    rdn->type = attribute_type(X509_NAME_ENTRY_get_object(entry), pool);
    return rdn->type ? NULL : "a name holds an attribute type that is too long";
}

/* RFC 4514 §2.4: what must stand behind a backslash. */
static const char *escaped(const char *value, apr_pool_t *pool)
{
    apr_size_t len = strlen(value);
    char *text = apr_palloc(pool, len * 2 + 1), *at = text;

    for (apr_size_t i = 0; i < len; i++) {
        int edge = (i == 0 && strchr(" #", value[i])) || (i == len - 1 && value[i] == ' ');
        if (edge || strchr("\"+,;<>\\", value[i])) {
            *at++ = '\\';
        }
        *at++ = value[i];
    }
    *at = '\0';
    return text;
}

/* Last RDN first; the attributes of one RDN are joined by '+'. */
static const char *name_text(const ra_name_t *name, const X509_NAME *from, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, name->count * 4, sizeof(const char *));

    for (int i = name->count - 1; i >= 0; i--) {
        if (parts->nelts > 0) {
            int joined = X509_NAME_ENTRY_set(X509_NAME_get_entry(from, i)) ==
                         X509_NAME_ENTRY_set(X509_NAME_get_entry(from, i + 1));
            APR_ARRAY_PUSH(parts, const char *) = joined ? "+" : ",";
        }
        APR_ARRAY_PUSH(parts, const char *) = name->rdns[i].type;
        APR_ARRAY_PUSH(parts, const char *) = "=";
        APR_ARRAY_PUSH(parts, const char *) = escaped(name->rdns[i].value, pool);
    }
    return apr_array_pstrcat(pool, parts, 0);
}

const char *ra_x509_read_name(ra_name_t *name, const X509_NAME *from, apr_pool_t *pool)
{
    int count = X509_NAME_entry_count(from), last_set = -1;
    ra_rdn_t *rdns = apr_pcalloc(pool, sizeof(*rdns) * (apr_size_t)(count > 0 ? count : 1));
    unsigned char *der = NULL;

    name->multivalued = 0;
    for (int i = 0; i < count; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(from, i);
        const char *reason = read_attribute(&rdns[i], entry, pool);
        if (reason) {
            return reason;
        }
        name->multivalued |= X509_NAME_ENTRY_set(entry) == last_set;
        last_set = X509_NAME_ENTRY_set(entry);
    }
    name->rdns = rdns;
    name->count = count;
    name->text = name_text(name, from, pool);
    int len = i2d_X509_NAME(from, &der);
    name->der = ra_x509_take_der(der, len, pool);
    return name->der.data ? NULL : "a name cannot be encoded";
}

const char *ra_name_get(const ra_name_t *name, const char *type)
{
    for (int i = 0; i < name->count; i++) {
        if (strcmp(name->rdns[i].type, type) == 0) {
            return name->rdns[i].value;
        }
    }
    return NULL;
}

int ra_name_equal(const ra_name_t *name, const ra_rdn_t *rdns, int count)
{
    if (name->count != count || name->multivalued) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(name->rdns[i].type, rdns[i].type) != 0 || strcmp(name->rdns[i].value, rdns[i].value) != 0) {
            return 0;
        }
    }
    return 1;
}

/* ---- keys ---- */

const char *ra_key_kind_name(ra_key_kind_e kind)
{
    switch (kind) {
    case RA_KEY_RSA:
        return "rsa";
    case RA_KEY_EC_P256:
        return "ec_p256";
    case RA_KEY_SM2:
        return "sm2";
    default:
        return "other";
    }
}

/* Are the parameters of the key the name of a curve, and not its spelled-out equation, which could be another curve in
 * disguise? */
static int curve_is_named(const X509_PUBKEY *from)
{
    X509_ALGOR *algorithm = NULL;
    int type = V_ASN1_UNDEF;

    X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, from);
    X509_ALGOR_get0(NULL, &type, NULL, algorithm);
    return type == V_ASN1_OBJECT;
}

static ra_key_kind_e kind_of(const EVP_PKEY *key, const X509_PUBKEY *from)
{
    char group[64] = "";

    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        return RA_KEY_RSA;
    }
    if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 || !curve_is_named(from)) {
        return RA_KEY_OTHER;
    }
    if (strcmp(group, "prime256v1") == 0) {
        return RA_KEY_EC_P256;
    }
    return strcmp(group, "SM2") == 0 ? RA_KEY_SM2 : RA_KEY_OTHER;
}

const char *ra_x509_read_key(ra_key_t *key, X509_PUBKEY *from, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    const EVP_PKEY *public_key = X509_PUBKEY_get0(from);

    key->kind = public_key ? kind_of(public_key, from) : RA_KEY_OTHER;
    key->bits = public_key ? EVP_PKEY_get_bits(public_key) : 0;
    int len = i2d_X509_PUBKEY(from, &der);
    key->spki = ra_x509_take_der(der, len, pool);
    if (!key->spki.data) {
        return "the public key cannot be encoded";
    }
    ra_sha256(key->spki_sha256, key->spki.data, key->spki.len);
    return NULL;
}
