/*
 * The keys outside the database: reading the key file, sealing and opening values, keyed hashes (see crypt.h).
 * Layer: base. Thread rule: a keyring is immutable after loading and shared by all threads.
 *
 * A sealed value: version (1), key id (1), nonce (12), ciphertext, tag (16); version, id and context are authenticated.
 * Each use has its own key: HKDF-SHA256 (RFC 5869) with "<use>:<label>" as info, so no bytes serve two purposes.
 */
#include "base/crypt.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/limits.h"

#define KEY_BYTES 32
#define SEAL_VERSION 1
#define HEADER_BYTES 2
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define OVERHEAD_BYTES (HEADER_BYTES + NONCE_BYTES + TAG_BYTES)

typedef struct key_entry_t {
    int id; /* 1..255 */
    unsigned char bytes[KEY_BYTES];
} key_entry_t;

struct ra_keyring_t {
    int count;
    key_entry_t keys[255]; /* in the order of the file */
};

/* ---- wiping with the pool ---- */

typedef struct secret_t {
    void *data;
    apr_size_t len;
} secret_t;

static apr_status_t wipe_secret(void *context)
{
    const secret_t *secret = context;

    ra_wipe(secret->data, secret->len);
    return APR_SUCCESS;
}

/* Zeroed memory that is wiped when the pool is cleared. */
static void *secret_alloc(apr_size_t len, apr_pool_t *pool)
{
    secret_t *secret = apr_palloc(pool, sizeof(*secret));

    secret->data = apr_pcalloc(pool, len);
    secret->len = len;
    apr_pool_cleanup_register(pool, secret, wipe_secret, apr_pool_cleanup_null);
    return secret->data;
}

/* ---- loading ---- */

static const key_entry_t *find_key(const ra_keyring_t *keyring, int id)
{
    for (int i = 0; i < keyring->count; i++) {
        if (keyring->keys[i].id == id) {
            return &keyring->keys[i];
        }
    }
    return NULL;
}

/* The key id at the start of a line, and where the rest begins; 0 when it is not one. */
static int parse_id(char *line, char **prest)
{
    char *end = line + strspn(line, "0123456789");
    int id = end > line && end - line <= 3 && (*end == ' ' || *end == '\t') ? atoi(line) : 0;

    *prest = end + strspn(end, " \t");
    return id <= 255 ? id : 0;
}

/* One line without its end; returns what is wrong with it, or NULL. */
static const char *add_line(ra_keyring_t *keyring, char *line, apr_pool_t *scratch)
{
    ra_bytes_t bytes = {NULL, 0};
    char *text;

    line += strspn(line, " \t");
    for (apr_size_t len = strlen(line); len > 0 && strchr(" \t\r", line[len - 1]); len--) {
        line[len - 1] = '\0';
    }
    if (*line == '\0' || *line == '#') {
        return NULL;
    }
    int id = parse_id(line, &text);
    if (id == 0) {
        return "a key line must be \"<id 1..255> <base64 of 32 bytes>\"";
    }
    if (find_key(keyring, id)) {
        return "a key id occurs twice";
    }
    apr_status_t status = ra_base64_decode(&bytes, text, scratch);
    if (status != APR_SUCCESS || bytes.len != KEY_BYTES) {
        return "a key is not the base64 of 32 bytes";
    }
    key_entry_t *key = &keyring->keys[keyring->count++];
    key->id = id;
    memcpy(key->bytes, bytes.data, KEY_BYTES);
    ra_wipe((void *)bytes.data, bytes.len);
    return NULL;
}

static const char *add_lines(ra_keyring_t *keyring, char *text, apr_pool_t *scratch)
{
    const char *wrong = NULL;
    char *line = text;

    while (line && !wrong) {
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
        }
        wrong = add_line(keyring, line, scratch);
        line = end ? end + 1 : NULL;
    }
    return !wrong && keyring->count == 0 ? "the key file has no key" : wrong;
}

/* Opens the file and looks at the open file, so that what was checked is what is read. */
static apr_status_t open_private(apr_file_t **pfile, apr_size_t *psize, const char *path, const char **perror,
                                 apr_pool_t *scratch)
{
    apr_finfo_t info;
    apr_status_t status = apr_file_open(pfile, path, APR_READ | APR_BINARY, APR_OS_DEFAULT, scratch);

    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&info, APR_FINFO_TYPE | APR_FINFO_SIZE | APR_FINFO_PROT, *pfile);
    }
    if (status != APR_SUCCESS) {
        *perror = "the key file cannot be opened";
        return status;
    }
    if (info.filetype != APR_REG || info.size > RA_KEY_FILE_MAX_BYTES) {
        *perror = "the key file is not a small plain file";
        return APR_EINVAL;
    }
    if (info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE | APR_FPROT_WEXECUTE)) {
        *perror = "the key file is open to others than its owner and group: chmod o= it";
        return APR_EACCES;
    }
    *psize = (apr_size_t)info.size;
    return APR_SUCCESS;
}

static apr_status_t load(ra_keyring_t *keyring, const char *path, const char **perror, apr_pool_t *scratch)
{
    apr_file_t *file;
    apr_size_t size;
    apr_status_t status = open_private(&file, &size, path, perror, scratch);

    if (status != APR_SUCCESS) {
        return status;
    }
    char *text = secret_alloc(size + 1, scratch);
    if (apr_file_read_full(file, text, size, &size) != APR_SUCCESS && size == 0) {
        *perror = "the key file is empty or cannot be read";
        return APR_EINVAL;
    }
    *perror = strlen(text) == size ? add_lines(keyring, text, scratch) : "the key file holds a NUL byte";
    return *perror ? APR_EINVAL : APR_SUCCESS;
}

apr_status_t ra_keyring_load(ra_keyring_t **pkeyring, const char *path, const char **perror, apr_pool_t *pool)
{
    ra_keyring_t *keyring = secret_alloc(sizeof(*keyring), pool);
    apr_pool_t *scratch;

    *perror = NULL;
    apr_pool_create(&scratch, pool);
    apr_status_t status = load(keyring, path, perror, scratch);
    apr_pool_destroy(scratch);
    *pkeyring = status == APR_SUCCESS ? keyring : NULL;
    return status;
}

/* ---- key derivation ---- */

/* HKDF-SHA256 without salt, one block of output: T(1) = HMAC(PRK, info | 0x01) with info = "<use>:<label>". */
static void derive(unsigned char derived[RA_SHA256_BYTES], const key_entry_t *key, const char *use, const char *label)
{
    static const unsigned char no_salt[RA_SHA256_BYTES];
    unsigned char prk[RA_SHA256_BYTES];
    char info[RA_KEY_LABEL_MAX + 16];
    int len = apr_snprintf(info, sizeof(info), "%s:%s\x01", use, label);

    if (strlen(label) > RA_KEY_LABEL_MAX) {
        abort(); /* labels are constants of ours; two cut ones could be the same */
    }
    ra_hmac_sha256(prk, ra_bytes_of(no_salt, sizeof(no_salt)), ra_bytes_of(key->bytes, KEY_BYTES));
    ra_hmac_sha256(derived, ra_bytes_of(prk, sizeof(prk)), ra_bytes_of(info, (apr_size_t)len));
    ra_wipe(prk, sizeof(prk));
}

/* ---- sealing ---- */

/* One run of AES-256-GCM over header and context. The tag is written when sealing and checked when opening. */
typedef struct gcm_t {
    const key_entry_t *key;
    const char *label;
    const char *context;
    const unsigned char *header; /* HEADER_BYTES */
    const unsigned char *nonce;
    unsigned char *tag;
    int sealing;
} gcm_t;

static int gcm_begin(EVP_CIPHER_CTX *cipher, const gcm_t *gcm)
{
    unsigned char key[RA_SHA256_BYTES];
    int len;

    derive(key, gcm->key, "seal", gcm->label);
    int good = EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, gcm->nonce, gcm->sealing) == 1;
    ra_wipe(key, sizeof(key));
    return good && EVP_CipherUpdate(cipher, NULL, &len, gcm->header, HEADER_BYTES) == 1 &&
           EVP_CipherUpdate(cipher, NULL, &len, (const unsigned char *)gcm->context, (int)strlen(gcm->context)) == 1;
}

static int gcm_transform(EVP_CIPHER_CTX *cipher, const gcm_t *gcm, unsigned char *out, ra_bytes_t in)
{
    unsigned char rest[TAG_BYTES];
    int len = 0;

    if (in.len > 0 && EVP_CipherUpdate(cipher, out, &len, in.data, (int)in.len) != 1) {
        return 0;
    }
    if (!gcm->sealing && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, gcm->tag) != 1) {
        return 0;
    }
    if (EVP_CipherFinal_ex(cipher, rest, &len) != 1) {
        return 0;
    }
    return !gcm->sealing || EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, gcm->tag) == 1;
}

static int gcm_run(const gcm_t *gcm, unsigned char *out, ra_bytes_t in)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int good = cipher && gcm_begin(cipher, gcm) && gcm_transform(cipher, gcm, out, in);

    EVP_CIPHER_CTX_free(cipher);
    if (!good) {
        ERR_clear_error();
    }
    return good;
}

apr_status_t ra_seal(ra_bytes_t *psealed, const ra_keyring_t *keyring, const char *label, const char *context,
                     ra_bytes_t plain, apr_pool_t *pool)
{
    if (plain.len > RA_SEALED_MAX_BYTES) {
        return APR_EINVAL;
    }
    unsigned char *sealed = apr_palloc(pool, plain.len + OVERHEAD_BYTES);
    unsigned char *nonce = sealed + HEADER_BYTES, *body = nonce + NONCE_BYTES;
    gcm_t gcm = {&keyring->keys[0], label, context, sealed, nonce, body + plain.len, 1};

    sealed[0] = SEAL_VERSION;
    sealed[1] = (unsigned char)keyring->keys[0].id;
    if (ra_random(nonce, NONCE_BYTES) != APR_SUCCESS || !gcm_run(&gcm, body, plain)) {
        return APR_EGENERAL;
    }
    *psealed = ra_bytes_of(sealed, plain.len + OVERHEAD_BYTES);
    return APR_SUCCESS;
}

apr_status_t ra_unseal(ra_bytes_t *pplain, const ra_keyring_t *keyring, const char *label, const char *context,
                       ra_bytes_t sealed, apr_pool_t *pool)
{
    if (sealed.len < OVERHEAD_BYTES || sealed.len > RA_SEALED_MAX_BYTES + OVERHEAD_BYTES ||
        sealed.data[0] != SEAL_VERSION) {
        return APR_EINVAL;
    }
    const key_entry_t *key = find_key(keyring, sealed.data[1]);
    if (!key) {
        return APR_EINVAL;
    }
    const unsigned char *nonce = sealed.data + HEADER_BYTES, *body = nonce + NONCE_BYTES;
    apr_size_t len = sealed.len - OVERHEAD_BYTES;
    unsigned char tag[TAG_BYTES];
    gcm_t gcm = {key, label, context, sealed.data, nonce, tag, 0};
    unsigned char *plain = secret_alloc(len + 1, pool);

    memcpy(tag, body + len, TAG_BYTES);
    if (!gcm_run(&gcm, plain, ra_bytes_of(body, len))) {
        ra_wipe(plain, len);
        return APR_EINVAL;
    }
    *pplain = ra_bytes_of(plain, len);
    return APR_SUCCESS;
}

/* ---- search hashes ---- */

/* The oldest key is the one with the lowest id: that holds wherever in the file a new key was written. */
static const key_entry_t *oldest_key(const ra_keyring_t *keyring)
{
    const key_entry_t *oldest = &keyring->keys[0];

    for (int i = 1; i < keyring->count; i++) {
        if (keyring->keys[i].id < oldest->id) {
            oldest = &keyring->keys[i];
        }
    }
    return oldest;
}

void ra_keyed_hash(unsigned char mac[RA_SHA256_BYTES], const ra_keyring_t *keyring, const char *label, ra_bytes_t data)
{
    unsigned char key[RA_SHA256_BYTES];

    derive(key, oldest_key(keyring), "hash", label);
    ra_hmac_sha256(mac, ra_bytes_of(key, sizeof(key)), data);
    ra_wipe(key, sizeof(key));
}
