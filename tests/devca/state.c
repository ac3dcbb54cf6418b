/* What the CA knows: the fold over the ledger. Thread rule: the caller holds the service lock. */
#include "state.h"

#include "flatjson.h"
#include "issue.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

char *hex_of(const unsigned char *bytes, size_t len, int upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char *text = malloc(len * 2 + 1);
    size_t i;

    if (text == NULL) {
        abort();
    }
    for (i = 0; i < len; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * len] = '\0';
    return text;
}

char *base64_of(const unsigned char *bytes, int len)
{
    char *text = malloc((size_t)len * 4 / 3 + 8);

    if (text == NULL) {
        abort();
    }
    EVP_EncodeBlock((unsigned char *)text, bytes, len);
    return text;
}

/* Decodes a member of base64; NULL when it is absent. */
static unsigned char *get_bytes(const char *line, const char *name, int *plen)
{
    char *text = json_get_text(line, name);
    size_t len = text != NULL ? strlen(text) : 0;
    unsigned char *bytes = text != NULL ? malloc(len + 1) : NULL;
    int got = bytes != NULL ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) : -1;

    if (got < 0) {
        free(bytes);
        bytes = NULL;
        got = 0;
    }
    while (got > 0 && len > 0 && text[len - 1] == '=') {
        len--;
        got--;
    }
    free(text);
    *plen = got;
    return bytes;
}

static unsigned bucket_of(const char *key)
{
    unsigned hash = 2166136261u;

    for (; *key != '\0'; key++) {
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    }
    return hash % STATE_BUCKETS;
}

issued_t *state_find_issued(const state_t *state, const char *serial)
{
    issued_t *issued = state->by_serial[bucket_of(serial)];

    while (issued != NULL && strcmp(issued->serial, serial) != 0) {
        issued = issued->next_in_bucket;
    }
    return issued;
}

transaction_t *state_find_transaction(const state_t *state, const char *id)
{
    transaction_t *transaction = state->transactions[bucket_of(id)];

    while (transaction != NULL && strcmp(transaction->id, id) != 0) {
        transaction = transaction->next_in_bucket;
    }
    return transaction;
}

static void free_transactions(transaction_t *transaction)
{
    while (transaction != NULL) {
        transaction_t *next = transaction->next_in_bucket;
        free(transaction->id);
        free(transaction->sha256);
        free(transaction->request);
        free(transaction);
        transaction = next;
    }
}

void state_clear(state_t *state)
{
    issued_t *issued = state->issued;
    int i;

    while (issued != NULL) {
        issued_t *next = issued->next;
        free(issued->serial);
        free(issued->der);
        free(issued);
        issued = next;
    }
    for (i = 0; i < STATE_BUCKETS; i++) {
        free_transactions(state->transactions[i]);
    }
    memset(state, 0, sizeof(*state));
}

static transaction_t *transaction_of(const state_t *state, const char *line)
{
    char *id = json_get_text(line, "transaction_id");
    transaction_t *transaction = id != NULL ? state_find_transaction(state, id) : NULL;

    free(id);
    return transaction;
}

static issued_t *issued_of(const state_t *state, const char *line)
{
    char *serial = json_get_text(line, "serial");
    issued_t *issued = serial != NULL ? state_find_issued(state, serial) : NULL;

    free(serial);
    return issued;
}

static void apply_transaction(state_t *state, const char *line)
{
    transaction_t *transaction = calloc(1, sizeof(*transaction));
    unsigned bucket;

    if (transaction == NULL) {
        abort();
    }
    transaction->id = json_get_text(line, "transaction_id");
    transaction->sha256 = json_get_text(line, "sha256");
    transaction->request = get_bytes(line, "der_b64", &transaction->request_len);
    transaction->revocation_bits = -1;
    bucket = bucket_of(transaction->id);
    transaction->next_in_bucket = state->transactions[bucket];
    state->transactions[bucket] = transaction;
}

static void apply_certificate(state_t *state, const char *line)
{
    issued_t *issued = calloc(1, sizeof(*issued));
    transaction_t *transaction = transaction_of(state, line);
    unsigned bucket;

    if (issued == NULL) {
        abort();
    }
    issued->serial = json_get_text(line, "serial");
    issued->der = get_bytes(line, "der_b64", &issued->der_len);
    issued->status = STATUS_GOOD;
    bucket = bucket_of(issued->serial);
    issued->next_in_bucket = state->by_serial[bucket];
    state->by_serial[bucket] = issued;
    issued->next = state->issued;
    state->issued = issued;
    if (transaction != NULL) {
        transaction->issued = issued;
    }
}

static long line_time(const char *line)
{
    char *at = json_get_text(line, "at");
    struct tm utc;
    long seconds = 0;

    memset(&utc, 0, sizeof(utc));
    if (at != NULL && strptime(at, "%Y-%m-%dT%H:%M:%S", &utc) != NULL) {
        seconds = (long)timegm(&utc);
    }
    free(at);
    return seconds;
}

static void apply_revocation(state_t *state, const char *line)
{
    issued_t *issued = issued_of(state, line);
    transaction_t *transaction = transaction_of(state, line);
    int bits = (int)json_get_int(line, "failure_bits", 0);
    int reason = (int)json_get_int(line, "reason", 0);

    if (transaction != NULL) {
        transaction->revocation_bits = bits;
    }
    if (issued != NULL && bits == 0) {
        issued->status = reason == 8 ? STATUS_GOOD : reason;
        issued->changed_at = line_time(line);
        state->changes++;
    }
}

static void apply_rejection(state_t *state, const char *line)
{
    transaction_t *transaction = transaction_of(state, line);

    if (transaction != NULL) {
        transaction->rejected = (int)json_get_int(line, "failure_bits", 0);
    }
}

static void apply_waiting(state_t *state, const char *line)
{
    transaction_t *transaction = transaction_of(state, line);

    if (transaction != NULL) {
        transaction->polls_left = (int)json_get_int(line, "polls_left", 0);
        transaction->check_after = (int)json_get_int(line, "check_after", 1);
        transaction->waiting = (int)json_get_int(line, "waiting", 1);
    }
}

static void apply_reply(state_t *state, const char *line)
{
    transaction_t *transaction = transaction_of(state, line);
    unsigned char *nonce;
    int len = 0;

    nonce = get_bytes(line, "nonce_b64", &len);
    if (transaction != NULL && nonce != NULL && len <= (int)sizeof(transaction->nonce)) {
        memcpy(transaction->nonce, nonce, (size_t)len);
        transaction->nonce_len = len;
    }
    free(nonce);
}

static void apply_crl(state_t *state, const char *line)
{
    state->crl_number = (long)json_get_int(line, "number", state->crl_number);
}

/* Lines of other kinds (message, confirm) are evidence only. */
static const struct {
    const char *kind;
    void (*apply)(state_t *state, const char *line);
} kinds[] = {
    {"transaction", apply_transaction},
    {"certificate", apply_certificate},
    {"revocation", apply_revocation},
    {"rejection", apply_rejection},
    {"waiting", apply_waiting},
    {"reply", apply_reply},
    {"crl", apply_crl},
};

void state_apply(void *baton, const char *line)
{
    char *kind = json_get_text(line, "kind");
    size_t i;

    for (i = 0; kind != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            kinds[i].apply(baton, line);
        }
    }
    free(kind);
}
