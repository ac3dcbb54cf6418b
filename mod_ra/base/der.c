/*
 * Exact DER and strict PEM (see der.h).
 * Layer: base. Thread rule: pure functions.
 */
#include "base/der.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/evp.h>

#define DER_DEPTH_MAX 32 /* elements within elements; a certificate has about ten */
#define PEM_LINE 64
#define PEM_SPACE " \t\r\n"

/* ---- DER ---- */

static int elements_are_exact(ra_bytes_t bytes, int depth);

static unsigned char take(ra_bytes_t *bytes)
{
    bytes->len--;
    return *bytes->data++;
}

/* Passes over the identifier octets. */
static int skip_tag(ra_bytes_t *bytes, int *pconstructed)
{
    if (bytes->len == 0) {
        return 0;
    }
    unsigned char octet = take(bytes);
    *pconstructed = (octet & 0x20) != 0;
    if ((octet & 0x1F) != 0x1F) {
        return 1;
    }
    if (bytes->len == 0 || bytes->data[0] == 0x80) { /* a long tag number must not begin with zeros */
        return 0;
    }
    while (bytes->len > 0) {
        if (!(take(bytes) & 0x80)) {
            return 1;
        }
    }
    return 0;
}

/* Reads the length octets: definite, shortest form, within the bytes there are. */
static int read_length(ra_bytes_t *bytes, apr_size_t *plen)
{
    if (bytes->len == 0) {
        return 0;
    }
    unsigned char octet = take(bytes);
    apr_size_t count = octet & 0x7F, len = 0;
    if (octet < 0x80) {
        *plen = octet;
        return octet <= bytes->len;
    }
    if (count == 0 || count > 4 || count > bytes->len || bytes->data[0] == 0) {
        return 0;
    }
    while (count-- > 0) {
        len = len << 8 | take(bytes);
    }
    *plen = len;
    return len >= 0x80 && len <= bytes->len;
}

/* Passes over one element. */
static int skip_element(ra_bytes_t *bytes, int depth)
{
    int constructed;
    apr_size_t len;

    if (!skip_tag(bytes, &constructed) || !read_length(bytes, &len)) {
        return 0;
    }
    int good = !constructed || elements_are_exact(ra_bytes_of(bytes->data, len), depth + 1);
    bytes->data += len;
    bytes->len -= len;
    return good;
}

static int elements_are_exact(ra_bytes_t bytes, int depth)
{
    if (depth > DER_DEPTH_MAX) {
        return 0;
    }
    while (bytes.len > 0) {
        if (!skip_element(&bytes, depth)) {
            return 0;
        }
    }
    return 1;
}

int ra_der_is_exact(ra_bytes_t der)
{
    return skip_element(&der, 0) && der.len == 0;
}

/* ---- PEM ---- */

apr_status_t ra_pem_read_body(ra_bytes_t *pder, const char *text, apr_size_t len, apr_pool_t *pool)
{
    char *packed = apr_palloc(pool, len + 1);
    apr_size_t size = 0;

    for (apr_size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || !strchr(PEM_SPACE, text[i])) {
            packed[size++] = text[i];
        }
    }
    packed[size] = '\0';
    if (size == 0) {
        return APR_EINVAL;
    }
    return ra_base64_decode(pder, packed, pool);
}

/* Behind "-----<word> <label>-----" at the start of the text, or NULL. */
static const char *skip_boundary(const char *text, const char *word, const char *label)
{
    const char *const parts[] = {"-----", word, label, "-----"};

    for (int i = 0; i < 4; i++) {
        apr_size_t size = strlen(parts[i]);
        if (strncmp(text, parts[i], size) != 0) {
            return NULL;
        }
        text += size;
    }
    return text;
}

apr_status_t ra_pem_read(ra_bytes_t *pder, const char *text, const char *const *labels, apr_pool_t *pool)
{
    const char *body = NULL;

    text += strspn(text, PEM_SPACE);
    while (*labels && !(body = skip_boundary(text, "BEGIN ", *labels))) {
        labels++;
    }
    if (!body) {
        return APR_ENOENT;
    }
    const char *end = strchr(body, '-');
    const char *rest = end ? skip_boundary(end, "END ", *labels) : NULL;
    if (!rest || rest[strspn(rest, PEM_SPACE)] != '\0') {
        return APR_EINVAL;
    }
    return ra_pem_read_body(pder, body, (apr_size_t)(end - body), pool);
}

const char *ra_pem_write(const char *label, ra_bytes_t der, apr_pool_t *pool)
{
    char *base64 = apr_palloc(pool, der.len / 3 * 4 + 5);
    apr_size_t len = (apr_size_t)EVP_EncodeBlock((unsigned char *)base64, der.data, (int)der.len);
    char *lines = apr_palloc(pool, len + len / PEM_LINE + 2);
    char *at = lines;

    for (apr_size_t done = 0; done < len; done += PEM_LINE) {
        apr_size_t size = len - done < PEM_LINE ? len - done : PEM_LINE;
        memcpy(at, base64 + done, size);
        at += size;
        *at++ = '\n';
    }
    *at = '\0';
    return apr_pstrcat(pool, "-----BEGIN ", label, "-----\n", lines, "-----END ", label, "-----\n", NULL);
}
