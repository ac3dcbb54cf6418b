/*
 * JSON trees on cJSON: reading after the strict scanner, building, looking up (see json.h); json_print.c prints.
 * Layer: base; the only file that includes cJSON.
 * Thread rule: a tree is used by one thread at a time, a finished one may be read by many.
 *
 * cJSON's own look-up ignores case, its integers are clamped to int and its printer rounds: none of them is used here.
 * When memory runs out the process ends, as with APR pools.
 */
#include "base/json.h"

#include <cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/json_scan.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/utf8.h"

const ra_json_limits_t ra_json_limits_request = {RA_BODY_MAX_BYTES, RA_JSON_MAX_DEPTH, RA_JSON_MAX_MEMBERS};
const ra_json_limits_t ra_json_limits_document = {RA_DOCUMENT_MAX_BYTES, RA_DOCUMENT_MAX_DEPTH,
                                                  RA_DOCUMENT_MAX_MEMBERS};

/* ---- roots ---- */

static apr_status_t delete_root(void *root)
{
    cJSON_Delete(root);
    return APR_SUCCESS;
}

static cJSON *needed(cJSON *node)
{
    if (!node) {
        abort(); /* out of memory */
    }
    return node;
}

static cJSON *tie(cJSON *root, apr_pool_t *pool)
{
    apr_pool_cleanup_register(pool, needed(root), delete_root, apr_pool_cleanup_null);
    return root;
}

apr_status_t ra_json_parse(ra_json_t **pjson, const char *text, apr_size_t len, const ra_json_limits_t *limits,
                           ra_json_error_t *error, apr_pool_t *pool)
{
    apr_status_t status = ra_json_scan(text, len, limits, error, pool);

    *pjson = NULL;
    if (status != APR_SUCCESS) {
        return status;
    }
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, NULL, 0);
    if (!root) {
        error->offset = 0;
        error->code = RA_VIOLATION_JSON_SYNTAX;
        return APR_EINVAL;
    }
    *pjson = tie(root, pool);
    return APR_SUCCESS;
}

ra_json_t *ra_json_object_make(apr_pool_t *pool)
{
    return tie(cJSON_CreateObject(), pool);
}

ra_json_t *ra_json_array_make(apr_pool_t *pool)
{
    return tie(cJSON_CreateArray(), pool);
}

/* ---- building ---- */

/* Puts a node under a name, at the place of a former member of that name. NULL when @a object is none. */
static cJSON *put(cJSON *object, const char *name, cJSON *node)
{
    needed(node);
    if (!cJSON_IsObject(object)) {
        cJSON_Delete(node);
        return NULL;
    }
    /* Looked up first: cJSON copies the name before it finds that there is nothing to replace. */
    if (ra_json_get(object, name) ? !cJSON_ReplaceItemInObjectCaseSensitive(object, name, node)
                                  : !cJSON_AddItemToObject(object, name, node)) {
        abort(); /* out of memory */
    }
    return node;
}

static cJSON *append(cJSON *array, cJSON *node)
{
    needed(node);
    if (!cJSON_IsArray(array)) {
        cJSON_Delete(node);
        return NULL;
    }
    cJSON_AddItemToArray(array, node);
    return node;
}

/* Bytes that are not UTF-8 become U+FFFD, so that what is printed is JSON whatever came in. */
static cJSON *mended_string(const char *value, apr_size_t len)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    apr_size_t done = 0, size = 0;
    char *mended = malloc(len * 3 + 1);

    if (!mended) {
        abort();
    }
    while (done < len) {
        apr_size_t step = ra_utf8_read(NULL, value + done, len - done);
        memcpy(mended + size, step ? value + done : replacement, step ? step : 3);
        size += step ? step : 3;
        done += step ? step : 1;
    }
    mended[size] = '\0';
    cJSON *node = cJSON_CreateString(mended);
    free(mended);
    return node;
}

static cJSON *string_node(const char *value)
{
    apr_size_t len = strlen(value), done = 0, step = 1;

    while (done < len && (step = ra_utf8_read(NULL, value + done, len - done)) > 0) {
        done += step;
    }
    return done < len ? mended_string(value, len) : cJSON_CreateString(value);
}

/* Beyond 2^53-1 a reader may round: such a value is written as a string of digits (RFC 7493 §2.2). */
static cJSON *int_node(apr_int64_t value)
{
    char digits[24];

    if (value >= -RA_JSON_MAX_INTEGER && value <= RA_JSON_MAX_INTEGER) {
        return cJSON_CreateNumber((double)value);
    }
    apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, value);
    return cJSON_CreateString(digits);
}

void ra_json_set_string(ra_json_t *object, const char *name, const char *value)
{
    if (value) {
        put(object, name, string_node(value));
    }
}

void ra_json_set_int(ra_json_t *object, const char *name, apr_int64_t value)
{
    put(object, name, int_node(value));
}

void ra_json_set_bool(ra_json_t *object, const char *name, int value)
{
    put(object, name, cJSON_CreateBool(value != 0));
}

void ra_json_set_null(ra_json_t *object, const char *name)
{
    put(object, name, cJSON_CreateNull());
}

void ra_json_set_copy(ra_json_t *object, const char *name, const ra_json_t *value)
{
    if (value) {
        put(object, name, cJSON_Duplicate(value, 1));
    }
}

ra_json_t *ra_json_set_object(ra_json_t *object, const char *name)
{
    return put(object, name, cJSON_CreateObject());
}

ra_json_t *ra_json_set_array(ra_json_t *object, const char *name)
{
    return put(object, name, cJSON_CreateArray());
}

void ra_json_set_texts(ra_json_t *object, const char *name, const char *zh, const char *en)
{
    ra_json_t *texts = ra_json_set_object(object, name);

    ra_json_set_string(texts, "zh-CN", zh);
    ra_json_set_string(texts, "en", en);
}

void ra_json_remove(ra_json_t *object, const char *name)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
}

/* A copy of any node that has no name, as items and roots have none. */
static cJSON *nameless_copy(const cJSON *value)
{
    cJSON *copy = needed(cJSON_Duplicate(value, 1));

    cJSON_free(copy->string);
    copy->string = NULL;
    return copy;
}

void ra_json_add_string(ra_json_t *array, const char *value)
{
    if (value) {
        append(array, string_node(value));
    }
}

void ra_json_add_int(ra_json_t *array, apr_int64_t value)
{
    append(array, int_node(value));
}

void ra_json_add_copy(ra_json_t *array, const ra_json_t *value)
{
    if (value) {
        append(array, nameless_copy(value));
    }
}

ra_json_t *ra_json_add_object(ra_json_t *array)
{
    return append(array, cJSON_CreateObject());
}

ra_json_t *ra_json_add_array(ra_json_t *array)
{
    return append(array, cJSON_CreateArray());
}

/* ---- reading ---- */

ra_json_type_e ra_json_type(const ra_json_t *json)
{
    switch (json ? json->type & 0xFF : cJSON_NULL) {
    case cJSON_False:
    case cJSON_True:
        return RA_JSON_BOOLEAN;
    case cJSON_Number:
        return RA_JSON_NUMBER;
    case cJSON_String:
        return RA_JSON_STRING;
    case cJSON_Array:
        return RA_JSON_ARRAY;
    case cJSON_Object:
        return RA_JSON_OBJECT;
    default:
        return RA_JSON_NULL;
    }
}

const ra_json_t *ra_json_first(const ra_json_t *json)
{
    return cJSON_IsArray(json) || cJSON_IsObject(json) ? json->child : NULL;
}

const ra_json_t *ra_json_next(const ra_json_t *child)
{
    return child ? child->next : NULL;
}

const char *ra_json_name(const ra_json_t *member)
{
    return member ? member->string : NULL;
}

const ra_json_t *ra_json_get(const ra_json_t *object, const char *name)
{
    const cJSON *member = cJSON_IsObject(object) ? object->child : NULL;

    while (member && strcmp(member->string, name) != 0) {
        member = member->next;
    }
    return member;
}

ra_json_t *ra_json_get_mutable(ra_json_t *object, const char *name)
{
    return (ra_json_t *)ra_json_get(object, name);
}

const char *ra_json_string(const ra_json_t *json)
{
    return cJSON_IsString(json) ? json->valuestring : NULL;
}

const char *ra_json_get_string(const ra_json_t *object, const char *name)
{
    return ra_json_string(ra_json_get(object, name));
}

double ra_json_double(const ra_json_t *json, double fallback)
{
    return cJSON_IsNumber(json) ? json->valuedouble : fallback;
}

int ra_json_is_integer(const ra_json_t *json)
{
    double value = ra_json_double(json, 0.5);

    return value >= -(double)RA_JSON_MAX_INTEGER && value <= (double)RA_JSON_MAX_INTEGER && floor(value) == value;
}

apr_int64_t ra_json_int(const ra_json_t *json, apr_int64_t fallback)
{
    return ra_json_is_integer(json) ? (apr_int64_t)json->valuedouble : fallback;
}

apr_int64_t ra_json_get_int(const ra_json_t *object, const char *name, apr_int64_t fallback)
{
    return ra_json_int(ra_json_get(object, name), fallback);
}

int ra_json_is_true(const ra_json_t *json)
{
    return cJSON_IsTrue(json);
}

int ra_json_get_bool(const ra_json_t *object, const char *name, int fallback)
{
    const ra_json_t *member = ra_json_get(object, name);

    return cJSON_IsBool(member) ? cJSON_IsTrue(member) : fallback;
}

int ra_json_size(const ra_json_t *json)
{
    return cJSON_IsArray(json) || cJSON_IsObject(json) ? cJSON_GetArraySize(json) : 0;
}

/* ---- comparing, pointing, patching ---- */

static int arrays_equal(const ra_json_t *a, const ra_json_t *b)
{
    const ra_json_t *left = ra_json_first(a), *right = ra_json_first(b);

    while (left && right && ra_json_equal(left, right)) {
        left = ra_json_next(left);
        right = ra_json_next(right);
    }
    return !left && !right;
}

/* Members in any order; where both have the same order no look-up is needed. */
static int objects_equal(const ra_json_t *a, const ra_json_t *b)
{
    const ra_json_t *same_place = ra_json_first(b);

    if (ra_json_size(a) != ra_json_size(b)) {
        return 0;
    }
    for (const ra_json_t *member = ra_json_first(a); member; member = ra_json_next(member)) {
        const char *name = ra_json_name(member);
        const ra_json_t *other = strcmp(ra_json_name(same_place), name) == 0 ? same_place : ra_json_get(b, name);
        if (!other || !ra_json_equal(member, other)) {
            return 0;
        }
        same_place = ra_json_next(same_place);
    }
    return 1;
}

int ra_json_equal(const ra_json_t *a, const ra_json_t *b)
{
    ra_json_type_e type = ra_json_type(a);

    if (type != ra_json_type(b)) {
        return 0;
    }
    switch (type) {
    case RA_JSON_BOOLEAN:
        return cJSON_IsTrue(a) == cJSON_IsTrue(b);
    case RA_JSON_NUMBER:
        return a->valuedouble == b->valuedouble;
    case RA_JSON_STRING:
        return strcmp(a->valuestring, b->valuestring) == 0;
    case RA_JSON_ARRAY:
        return arrays_equal(a, b);
    case RA_JSON_OBJECT:
        return objects_equal(a, b);
    default:
        return 1;
    }
}

/* Is the reference token (up to @a len, with ~0 and ~1) this name? */
static int token_is(const char *token, apr_size_t len, const char *name)
{
    for (apr_size_t i = 0; i < len; i++) {
        char c = token[i];
        if (c == '~') {
            i++;
            if (i == len || (token[i] != '0' && token[i] != '1')) {
                return 0;
            }
            c = token[i] == '0' ? '~' : '/';
        }
        if (*name != c) {
            return 0;
        }
        name++;
    }
    return *name == '\0';
}

/* The array index in a reference token, or -1: digits without leading zero. */
static int token_index(const char *token, apr_size_t len)
{
    int index = 0;

    if (len == 0 || len > 9 || (token[0] == '0' && len > 1)) {
        return -1;
    }
    for (apr_size_t i = 0; i < len; i++) {
        if (token[i] < '0' || token[i] > '9') {
            return -1;
        }
        index = index * 10 + (token[i] - '0');
    }
    return index;
}

static const ra_json_t *step_into(const ra_json_t *json, const char *token, apr_size_t len)
{
    const ra_json_t *child = ra_json_first(json);

    if (cJSON_IsObject(json)) {
        while (child && !token_is(token, len, ra_json_name(child))) {
            child = ra_json_next(child);
        }
        return child;
    }
    int index = token_index(token, len);
    while (child && index > 0) {
        child = ra_json_next(child);
        index--;
    }
    return index == 0 ? child : NULL;
}

const ra_json_t *ra_json_pointer(const ra_json_t *root, const char *pointer)
{
    while (root && *pointer == '/') {
        const char *token = pointer + 1;
        apr_size_t len = strcspn(token, "/");
        root = step_into(root, token, len);
        pointer = token + len;
    }
    return *pointer == '\0' ? root : NULL;
}

static void merge_into(cJSON *target, const cJSON *patch)
{
    for (const cJSON *change = patch->child; change; change = change->next) {
        cJSON *member = ra_json_get_mutable(target, change->string);

        if (cJSON_IsNull(change)) {
            ra_json_remove(target, change->string);
        } else if (cJSON_IsObject(change)) {
            merge_into(cJSON_IsObject(member) ? member : ra_json_set_object(target, change->string), change);
        } else {
            ra_json_set_copy(target, change->string, change);
        }
    }
}

ra_json_t *ra_json_merge_patch(const ra_json_t *target, const ra_json_t *patch, apr_pool_t *pool)
{
    if (!cJSON_IsObject(patch)) {
        return tie(patch ? nameless_copy(patch) : cJSON_CreateNull(), pool);
    }
    ra_json_t *result = tie(cJSON_IsObject(target) ? nameless_copy(target) : cJSON_CreateObject(), pool);
    merge_into(result, patch);
    return result;
}
