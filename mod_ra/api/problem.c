/*
 * Problem documents and their language (see problem.h). The texts are those of api-spec/problems.yaml.
 * Layer: api. Thread rule: free-threaded.
 */
#include "api/problem.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "api/weights.h"

/* ---- language ---- */

const char *ra_language_tag(ra_language_e language)
{
    return language == RA_LANGUAGE_EN ? "en" : "zh-CN";
}

/* How much a language is wanted, and the place where it stands. */
typedef struct wish_t {
    int weight; /* -1: not named */
    int order;
} wish_t;

/* "en" and "en-GB" ask for en. */
static void note_wish(wish_t *wish, const ra_weighted_t *range, const char *language, int order)
{
    apr_size_t len = strlen(language);
    int named = range->len >= len && strncasecmp(range->text, language, len) == 0;

    if (named && (range->len == len || range->text[len] == '-') && range->weight > wish->weight) {
        wish->weight = range->weight;
        wish->order = order;
    }
}

ra_language_e ra_language_choose(const char *accept_language)
{
    wish_t chinese = {-1, 0}, english = {-1, 0}, any = {-1, 0};
    ra_weighted_t range;

    for (int order = 0; ra_weighted_next(&range, &accept_language); order++) {
        note_wish(&chinese, &range, "zh", order);
        note_wish(&english, &range, "en", order);
        note_wish(&any, &range, "*", order);
    }
    if (chinese.weight < 0) {
        chinese = any; /* the default is what "*" gets */
    }
    if (english.weight > 0 &&
        (english.weight > chinese.weight || (english.weight == chinese.weight && english.order < chinese.order))) {
        return RA_LANGUAGE_EN;
    }
    return RA_LANGUAGE_ZH_CN;
}

/* ---- texts ---- */

/* Placeholders whose values are words of the API ("entry", "awaiting_review"), said in the reader's language. */
static int speaks_of_words(const char *name, apr_size_t len)
{
    static const char *const names[] = {"step", "other", "state", "possible", "needed", "missing", "material", NULL};

    for (int i = 0; names[i]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* "entry, review" → "录入、审核"; what is no word of ours stays. */
static const char *in_words(const ra_json_t *words, const char *value, ra_language_e language, apr_pool_t *pool)
{
    char *last, *list = apr_pstrdup(pool, value);
    const char *text = NULL;

    for (char *item = apr_strtok(list, ", ", &last); item; item = apr_strtok(NULL, ", ", &last)) {
        const char *word = ra_json_get_string(ra_json_get(words, item), ra_language_tag(language));
        const char *separator = language == RA_LANGUAGE_EN ? ", " : "、";
        word = word ? word : item;
        text = text ? apr_pstrcat(pool, text, separator, word, NULL) : word;
    }
    return text ? text : (language == RA_LANGUAGE_EN ? "nothing" : "无");
}

static const char *value_of(const ra_json_t *words, const char *name, apr_size_t len, const apr_table_t *params,
                            ra_language_e language, apr_pool_t *pool)
{
    const char *value = params ? apr_table_get(params, apr_pstrmemdup(pool, name, len)) : NULL;

    if (!value) {
        return "…";
    }
    return speaks_of_words(name, len) ? in_words(words, value, language, pool) : value;
}

/* Fills the {placeholders}. */
static const char *fill(const ra_json_t *words, const char *text, const apr_table_t *params, ra_language_e language,
                        apr_pool_t *pool)
{
    const char *filled = "";

    for (;;) {
        const char *open = strchr(text, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            return apr_pstrcat(pool, filled, text, NULL);
        }
        const char *value = value_of(words, open + 1, (apr_size_t)(close - open - 1), params, language, pool);
        filled = apr_pstrcat(pool, filled, apr_pstrmemdup(pool, text, (apr_size_t)(open - text)), value, NULL);
        text = close + 1;
    }
}

/* ---- the document ---- */

static const ra_json_t *problem_of(const ra_spec_t *spec, const char *code)
{
    return code ? ra_json_get(ra_json_get(ra_spec_problems(spec), "x-ra-problems"), code) : NULL;
}

int ra_problem_status(const ra_spec_t *spec, const char *problem)
{
    return (int)ra_json_get_int(problem_of(spec, problem), "status", 500);
}

static void set_filled(ra_json_t *object, const char *name, const ra_json_t *texts, const ra_json_t *words,
                       const apr_table_t *params, ra_language_e language, apr_pool_t *pool)
{
    const char *text = ra_json_get_string(texts, ra_language_tag(language));

    if (text) {
        ra_json_set_string(object, name, fill(words, text, params, language, pool));
    }
}

static void add_errors(ra_json_t *problem, const ra_json_t *document, const ra_result_t *result, ra_language_e language,
                       apr_pool_t *pool)
{
    const ra_json_t *texts = ra_json_get(document, "x-ra-violations"), *words = ra_json_get(document, "x-ra-words");
    ra_json_t *errors = result->violations->nelts ? ra_json_set_array(problem, "errors") : NULL;

    for (int i = 0; i < result->violations->nelts; i++) {
        const ra_violation_t *violation = &APR_ARRAY_IDX(result->violations, i, ra_violation_t);
        ra_json_t *error = ra_json_add_object(errors);
        ra_json_set_string(error, "pointer", violation->pointer);
        ra_json_set_string(error, "code", violation->code);
        ra_json_set_string(error, "detail", violation->code); /* until a text is found */
        set_filled(error, "detail", ra_json_get(texts, violation->code), words, violation->params, language, pool);
    }
}

ra_json_t *ra_problem_make(const ra_spec_t *spec, const ra_result_t *result, ra_language_e language,
                           const char *trace_id, apr_pool_t *pool)
{
    const ra_json_t *document = ra_spec_problems(spec), *words = ra_json_get(document, "x-ra-words");
    const char *code = problem_of(spec, result->problem) ? result->problem : RA_PROBLEM_INTERNAL;
    const ra_json_t *texts = problem_of(spec, code);
    ra_json_t *problem = ra_json_object_make(pool);

    ra_json_set_string(problem, "type", apr_pstrcat(pool, "/api/v1/problems/", code, NULL));
    set_filled(problem, "title", ra_json_get(texts, "title"), words, result->params, language, pool);
    ra_json_set_int(problem, "status", ra_problem_status(spec, code));
    set_filled(problem, "detail", ra_json_get(texts, "advice"), words, result->params, language, pool);
    ra_json_set_string(problem, "code", code);
    add_errors(problem, document, result, language, pool);
    ra_json_set_string(problem, "trace_id", trace_id);
    if (result->retry_after > 0) {
        ra_json_set_int(problem, "retry_after", result->retry_after);
    }
    return problem;
}
