/* The authority: keys, certificates, CRL. Thread rule: an authority_t is immutable after opening and shared by threads.
 */
#include "issue.h"

#include "sm2.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CA_NAME "/C=CN/O=Development CA/CN=Development CA for mod_ra"
#define CA_DAYS 3650L
#define DAY_SECONDS 86400L

EVP_PKEY *key_make(const char *type)
{
    if (strcmp(type, "rsa") == 0) {
        return EVP_RSA_gen(2048);
    }
    return strcmp(type, "sm2") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2") : EVP_EC_gen("P-256");
}

/* Adds one attribute of which @a type and @a value are texts of their own. */
static int add_attribute(X509_NAME *name, const char *type, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0);
}

X509_NAME *name_parse(const char *text)
{
    char *copy = calloc(1, strlen(text) + 1);
    X509_NAME *name = X509_NAME_new();
    int ok = copy != NULL && name != NULL && *text == '/';

    while (ok && *text == '/') {
        char *type = copy;
        char *out = copy;
        char *value = NULL;
        for (text++; *text != '\0' && *text != '/'; text++) {
            if (*text == '=' && value == NULL) {
                *out++ = '\0';
                value = out;
                continue;
            }
            text += *text == '\\' && text[1] != '\0';
            *out++ = *text;
        }
        *out = '\0';
        ok = value != NULL && add_attribute(name, type, value);
    }
    free(copy);
    if (!ok) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

int extensions_add(X509_EXTENSIONS **pextensions, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    int ok = extension != NULL && X509v3_add_ext(pextensions, extension, -1) != NULL;

    X509_EXTENSION_free(extension);
    return ok;
}

static int add_by_text(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;
    int ok;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = extension != NULL && X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    return ok;
}

/* 127 random bits, positive. */
static int set_serial(X509 *cert)
{
    unsigned char bytes[16];
    BIGNUM *number = NULL;
    int ok;

    ok = RAND_bytes(bytes, sizeof(bytes)) == 1;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    ok = ok && (number = BN_bin2bn(bytes, sizeof(bytes), NULL)) != NULL &&
         BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static int set_times(X509 *cert, const issue_t *what)
{
    if (what->not_before != NULL ? !X509_set1_notBefore(cert, what->not_before)
                                 : X509_gmtime_adj(X509_getm_notBefore(cert), 0) == NULL) {
        return 0;
    }
    if (what->not_after != NULL) {
        return X509_set1_notAfter(cert, what->not_after);
    }
    return X509_gmtime_adj(X509_getm_notAfter(cert), what->days * DAY_SECONDS) != NULL;
}

/* The CA itself says who issued, which key it is and that it is no CA; the rest is as asked. */
static int add_extensions(X509 *cert, const authority_t *authority, const X509_EXTENSIONS *extensions)
{
    char point[512];
    int i;

    for (i = 0; i < sk_X509_EXTENSION_num(extensions); i++) {
        X509_EXTENSION *extension = sk_X509_EXTENSION_value(extensions, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (nid == NID_basic_constraints || nid == NID_subject_key_identifier || nid == NID_authority_key_identifier ||
            nid == NID_crl_distribution_points) {
            continue;
        }
        if (!X509_add_ext(cert, extension, -1)) {
            return 0;
        }
    }
    if (authority->crl_url != NULL) {
        snprintf(point, sizeof(point), "URI:%s", authority->crl_url);
        if (!add_by_text(cert, authority->cert, NID_crl_distribution_points, point)) {
            return 0;
        }
    }
    return add_by_text(cert, authority->cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_by_text(cert, authority->cert, NID_subject_key_identifier, "hash") &&
           add_by_text(cert, authority->cert, NID_authority_key_identifier, "keyid:always");
}

X509 *authority_issue(const authority_t *authority, const issue_t *what)
{
    X509 *cert = X509_new();

    if (cert == NULL || !X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) || !set_times(cert, what) ||
        !X509_set_issuer_name(cert, X509_get_subject_name(authority->cert)) ||
        !X509_set_subject_name(cert, what->subject) || !X509_set_pubkey(cert, what->key) ||
        !add_extensions(cert, authority, what->extensions) || !sign_cert(cert, authority->key)) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static X509 *self_sign(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = name_parse(CA_NAME);

    if (cert == NULL || name == NULL || !X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
        X509_gmtime_adj(X509_getm_notBefore(cert), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), CA_DAYS * DAY_SECONDS) == NULL || !X509_set_issuer_name(cert, name) ||
        !X509_set_subject_name(cert, name) || !X509_set_pubkey(cert, key) ||
        !add_by_text(cert, cert, NID_basic_constraints, "critical,CA:TRUE") ||
        !add_by_text(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature") ||
        !add_by_text(cert, cert, NID_subject_key_identifier, "hash") || !sign_cert(cert, key)) {
        X509_free(cert);
        cert = NULL;
    }
    X509_NAME_free(name);
    return cert;
}

static int add_revoked(X509_CRL *crl, const revoked_t *entry)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)entry->at);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial = NULL;
    int ok;

    ok = revoked != NULL && at != NULL && reason != NULL && BN_hex2bn(&number, entry->serial) > 0 &&
         (serial = BN_to_ASN1_INTEGER(number, NULL)) != NULL && X509_REVOKED_set_serialNumber(revoked, serial) &&
         X509_REVOKED_set_revocationDate(revoked, at) && ASN1_ENUMERATED_set(reason, entry->reason) &&
         (entry->reason <= 0 || X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, reason, 0, 0)) &&
         X509_CRL_add0_revoked(crl, revoked);
    if (!ok) {
        X509_REVOKED_free(revoked);
    }
    ASN1_TIME_free(at);
    ASN1_ENUMERATED_free(reason);
    ASN1_INTEGER_free(serial);
    BN_free(number);
    return ok;
}

static int add_crl_extensions(X509_CRL *crl, X509 *issuer, long number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    X509V3_CTX ctx;
    X509_EXTENSION *key_id;
    int ok;

    X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
    key_id = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
    ok = value != NULL && ASN1_INTEGER_set(value, number) && X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0, 0) &&
         key_id != NULL && X509_CRL_add_ext(crl, key_id, -1);
    X509_EXTENSION_free(key_id);
    ASN1_INTEGER_free(value);
    return ok;
}

X509_CRL *authority_crl(const authority_t *authority, const revoked_t *revoked, int count, long number)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    ASN1_TIME *next = X509_gmtime_adj(NULL, DAY_SECONDS);
    int ok;
    int i;

    ok = crl != NULL && now != NULL && next != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
         X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->cert)) && X509_CRL_set1_lastUpdate(crl, now) &&
         X509_CRL_set1_nextUpdate(crl, next) && add_crl_extensions(crl, authority->cert, number);
    for (i = 0; ok && i < count; i++) {
        ok = add_revoked(crl, &revoked[i]);
    }
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    if (!ok || !X509_CRL_sort(crl) || !sign_crl(crl, authority->key)) {
        X509_CRL_free(crl);
        return NULL;
    }
    return crl;
}

char *serial_text(const ASN1_INTEGER *serial)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    char *text = hex != NULL ? strdup(hex) : NULL;

    OPENSSL_free(hex);
    BN_free(number);
    return text;
}

int file_write_cert(const char *path, X509 *cert)
{
    FILE *file = fopen(path, "we");
    int ok = file != NULL && PEM_write_X509(file, cert);

    return file != NULL && fclose(file) == 0 && ok;
}

int file_write_key(const char *path, EVP_PKEY *key)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int ok = file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);

    return file != NULL && fclose(file) == 0 && ok;
}

X509 *file_read_cert(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *cert = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    if (file != NULL) {
        fclose(file);
    }
    return cert;
}

EVP_PKEY *file_read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

    if (file != NULL) {
        fclose(file);
    }
    return key;
}

/* The certificate is written last and by rename: where it is, the key is. */
static int create(const char *dir, const char *key_type, const char *key_path, const char *cert_path)
{
    char fresh[4200];
    EVP_PKEY *key = key_make(key_type);
    X509 *cert = key != NULL ? self_sign(key) : NULL;
    int ok;

    snprintf(fresh, sizeof(fresh), "%s.new", cert_path);
    ok = cert != NULL && (mkdir(dir, 0755) == 0 || errno == EEXIST) && file_write_key(key_path, key) &&
         file_write_cert(fresh, cert) && rename(fresh, cert_path) == 0;
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

authority_t *authority_open(const char *dir, const char *key_type)
{
    char key_path[4096];
    char cert_path[4096];
    authority_t *authority = calloc(1, sizeof(*authority));

    snprintf(key_path, sizeof(key_path), "%s/ca.key", dir);
    snprintf(cert_path, sizeof(cert_path), "%s/ca.crt", dir);
    if (authority == NULL || (access(cert_path, F_OK) != 0 && !create(dir, key_type, key_path, cert_path)) ||
        (authority->key = file_read_key(key_path)) == NULL || (authority->cert = file_read_cert(cert_path)) == NULL) {
        fprintf(stderr, "devca: the CA in %s can neither be read nor made\n", dir);
        ERR_print_errors_fp(stderr);
        authority_free(authority);
        return NULL;
    }
    return authority;
}

void authority_free(authority_t *authority)
{
    if (authority != NULL) {
        EVP_PKEY_free(authority->key);
        X509_free(authority->cert);
        free(authority->crl_url);
        free(authority);
    }
}
