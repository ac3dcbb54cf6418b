/*
 * UTF-8, one code point at a time (see utf8.h).
 * Layer: base. Thread rule: pure functions.
 */
#include "base/utf8.h"

/* Length of a sequence and the bits of its first byte, from the first byte; 0 = cannot begin a sequence. */
static apr_size_t lead(apr_uint32_t *pbits, unsigned char byte)
{
    if (byte < 0x80) {
        *pbits = byte;
        return 1;
    }
    if (byte >= 0xC2 && byte <= 0xDF) {
        *pbits = byte & 0x1F;
        return 2;
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        *pbits = byte & 0x0F;
        return 3;
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        *pbits = byte & 0x07;
        return 4;
    }
    return 0;
}

apr_size_t ra_utf8_read(apr_uint32_t *pcode, const char *text, apr_size_t len)
{
    static const apr_uint32_t smallest[RA_UTF8_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};
    apr_uint32_t code = 0;
    apr_size_t size = len > 0 ? lead(&code, (unsigned char)text[0]) : 0;

    if (size == 0 || size > len) {
        return 0;
    }
    for (apr_size_t i = 1; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xC0) != 0x80) {
            return 0;
        }
        code = (code << 6) | (byte & 0x3F);
    }
    if (code < smallest[size] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    if (pcode) {
        *pcode = code;
    }
    return size;
}

apr_size_t ra_utf8_write(char bytes[RA_UTF8_MAX], apr_uint32_t code)
{
    if (code < 0x80) {
        bytes[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        bytes[0] = (char)(0xC0 | (code >> 6));
        bytes[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        bytes[0] = (char)(0xE0 | (code >> 12));
        bytes[1] = (char)(0x80 | ((code >> 6) & 0x3F));
        bytes[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    bytes[0] = (char)(0xF0 | (code >> 18));
    bytes[1] = (char)(0x80 | ((code >> 12) & 0x3F));
    bytes[2] = (char)(0x80 | ((code >> 6) & 0x3F));
    bytes[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}
