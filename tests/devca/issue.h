/*
 * The authority: one self-signed CA, P-256 or SM2, that issues certificates, signs the CRL and protects CMP. Files STATE/ca.key
 * and STATE/ca.crt. Ownership: what a function returns belongs to the caller unless the name says get0.
 */
#ifndef DEVCA_ISSUE_H
#define DEVCA_ISSUE_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

typedef struct authority_t {
    EVP_PKEY *key;
    X509 *cert;
    char *crl_url; /* goes into certificates; NULL for none */
} authority_t;

/** Loads the CA of @a dir, creating it (and the folder) with a key of @a key_type when it is not there. NULL on failure (said on
 * stderr). */
authority_t *authority_open(const char *dir, const char *key_type);
void authority_free(authority_t *authority);

/** What a new certificate says. Times may be NULL: from now, @a days long. */
typedef struct issue_t {
    const X509_NAME *subject;
    EVP_PKEY *key;
    const ASN1_TIME *not_before;
    const ASN1_TIME *not_after;
    long days;
    const X509_EXTENSIONS *extensions; /* CA:TRUE and key identifiers in it are left out */
} issue_t;

/** A signed certificate with a random serial, basicConstraints, AKI, SKI and CRL distribution point. */
X509 *authority_issue(const authority_t *authority, const issue_t *what);

/** One entry of a CRL. */
typedef struct revoked_t {
    const char *serial; /* hex */
    int reason;
    long at; /* seconds since 1970 */
} revoked_t;

/** A signed X509_CRL, valid for a day. */
X509_CRL *authority_crl(const authority_t *authority, const revoked_t *revoked, int count, long number);

EVP_PKEY *key_make(const char *type); /* "p256", "rsa" or "sm2" */
/** "/C=CN/O=…/CN=…" in UTF-8; a backslash keeps the next character. NULL when it is no name. */
X509_NAME *name_parse(const char *text);
/** "DNS:localhost,IP:127.0.0.1" and so on, the words of openssl's configuration files. */
int extensions_add(X509_EXTENSIONS **pextensions, int nid, const char *value);
char *serial_text(const ASN1_INTEGER *serial); /* upper-case hex, malloc'ed */
int file_write_cert(const char *path, X509 *cert);
int file_write_key(const char *path, EVP_PKEY *key);
X509 *file_read_cert(const char *path);
EVP_PKEY *file_read_key(const char *path);

#endif
