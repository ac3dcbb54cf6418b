/* Opening the CA, issuing with a note in the ledger, the CRL. Thread rule: service_issue() needs the lock,
 * service_crl() takes it. */
#include "cmp_service.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CRL_MAX_AGE 3600

service_t *service_open(const char *dir, const char *key_type)
{
    service_t *service = calloc(1, sizeof(*service));

    if (service == NULL || (service->authority = authority_open(dir, key_type)) == NULL) {
        free(service);
        return NULL;
    }
    service->answer_cert = service->authority->cert;
    service->answer_key = service->authority->key;
    X509_up_ref(service->answer_cert);
    EVP_PKEY_up_ref(service->answer_key);
    pthread_mutex_init(&service->lock, NULL);
    service->ledger = ledger_open(dir, state_apply, &service->state);
    if (service->ledger == NULL) {
        X509_free(service->answer_cert);
        EVP_PKEY_free(service->answer_key);
        authority_free(service->authority);
        free(service);
        return NULL;
    }
    return service;
}

void service_close(service_t *service)
{
    int i;

    for (i = 0; i < service->ra_count; i++) {
        X509_free(service->ra_certs[i]);
    }
    ledger_close(service->ledger);
    state_clear(&service->state);
    X509_free(service->answer_cert);
    EVP_PKEY_free(service->answer_key);
    authority_free(service->authority);
    pthread_mutex_destroy(&service->lock);
    free(service);
}

static void add_hex(json_out_t *line, const char *name, const unsigned char *bytes, size_t len)
{
    char *text = hex_of(bytes, len, 0);

    json_add_text(line, name, text);
    free(text);
}

/* RFC 3339 in UTC. */
static void add_time(json_out_t *line, const char *name, const ASN1_TIME *time)
{
    struct tm utc;
    char text[40] = "";

    if (ASN1_TIME_to_tm(time, &utc)) {
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    json_add_text(line, name, text);
}

static void add_subject(json_out_t *line, const X509 *cert)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (out == NULL ||
        X509_NAME_print_ex(out, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0 ||
        BIO_write(out, "", 1) != 1 || BIO_get_mem_data(out, &text) <= 0) {
        text = NULL;
    }
    json_add_text(line, "subject", text);
    BIO_free(out);
}

static int note_certificate(service_t *service, X509 *cert, const char *transaction_id)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    unsigned char *der = NULL;
    unsigned char *spki = NULL;
    int len = i2d_X509(cert, &der);
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    char *serial = serial_text(X509_get0_serialNumber(cert));
    char *base64 = len > 0 ? base64_of(der, len) : NULL;
    int ok = 0;

    if (base64 != NULL && spki_len > 0 && serial != NULL) {
        json_out_t line;
        SHA256(spki, (size_t)spki_len, sha256);
        ledger_line(&line, "certificate");
        json_add_text(&line, "serial", serial);
        add_subject(&line, cert);
        add_hex(&line, "spki_sha256", sha256, sizeof(sha256));
        add_time(&line, "not_before", X509_get0_notBefore(cert));
        add_time(&line, "not_after", X509_get0_notAfter(cert));
        json_add_text(&line, "transaction_id", transaction_id);
        json_add_text(&line, "der_b64", base64);
        ok = ledger_append(service->ledger, &line);
    }
    free(base64);
    free(serial);
    OPENSSL_free(spki);
    OPENSSL_free(der);
    return ok;
}

X509 *service_issue(service_t *service, const issue_t *what, const char *transaction_id)
{
    X509 *cert = authority_issue(service->authority, what);

    if (cert != NULL && !note_certificate(service, cert, transaction_id)) {
        X509_free(cert);
        cert = NULL;
    }
    return cert;
}

static revoked_t *collect_revoked(const state_t *state, int *pcount)
{
    const issued_t *issued;
    revoked_t *list;
    int count = 0;

    for (issued = state->issued; issued != NULL; issued = issued->next) {
        count += issued->status != STATUS_GOOD;
    }
    list = calloc((size_t)count + 1, sizeof(*list));
    if (list == NULL) {
        abort();
    }
    *pcount = count;
    for (issued = state->issued; issued != NULL; issued = issued->next) {
        if (issued->status != STATUS_GOOD) {
            count--;
            list[count].serial = issued->serial;
            list[count].reason = issued->status;
            list[count].at = issued->changed_at;
        }
    }
    return list;
}

/* Makes the next CRL; with the lock held. */
static void renew_crl(service_t *service)
{
    int count = 0;
    revoked_t *revoked = collect_revoked(&service->state, &count);
    X509_CRL *crl = authority_crl(service->authority, revoked, count, service->state.crl_number + 1);
    json_out_t line;

    OPENSSL_free(service->crl);
    service->crl = NULL;
    service->crl_len = crl != NULL ? i2d_X509_CRL(crl, &service->crl) : -1;
    service->crl_changes = service->state.changes;
    service->crl_made_at = (long)time(NULL);
    ledger_line(&line, "crl");
    json_add_int(&line, "number", service->state.crl_number + 1);
    json_add_int(&line, "entries", count);
    ledger_append(service->ledger, &line);
    X509_CRL_free(crl);
    free(revoked);
}

void service_renew_crl(service_t *service)
{
    pthread_mutex_lock(&service->lock);
    service->crl_changes = -1;
    pthread_mutex_unlock(&service->lock);
}

int service_crl(service_t *service, unsigned char **pder)
{
    int len;

    *pder = NULL;
    pthread_mutex_lock(&service->lock);
    ledger_refresh(service->ledger);
    if (service->crl == NULL || service->crl_changes != service->state.changes ||
        (long)time(NULL) - service->crl_made_at > CRL_MAX_AGE) {
        renew_crl(service);
    }
    len = service->crl_len;
    if (len > 0) {
        *pder = OPENSSL_memdup(service->crl, (size_t)len);
    }
    pthread_mutex_unlock(&service->lock);
    return *pder != NULL ? len : -1;
}
