/* Reads and compares expectations (see expect.h). */
#include "unit.h"

#include <apr_tables.h>

#include "expect.h"

#define LINE_MAX_BYTES 512
#define DIFFERENCES_SHOWN 20

typedef struct line_t {
    int number;
    int uses;
    int except[EXPECT_COLUMNS];                /* the column begins with '!' */
    apr_array_header_t *lists[EXPECT_COLUMNS]; /* of const char *; NULL: any word */
    const char *result;
} line_t;

struct expect_t {
    const char *file;
    apr_array_header_t *lines; /* of line_t */
    int compared;
    int differences;
};

static char *trimmed(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r\n", end[-1])) {
        *--end = '\0';
    }
    return text + strspn(text, " \t");
}

static int is_word(expect_words_t words, const char *word)
{
    for (; *words; words++) {
        if (strcmp(*words, word) == 0) {
            return 1;
        }
    }
    return 0;
}

static void read_column(line_t *line, int column, char *text, expect_words_t words, apr_pool_t *pool)
{
    char *state, *word;

    text = trimmed(text);
    if (strcmp(text, "*") == 0) {
        return;
    }
    line->except[column] = *text == '!';
    line->lists[column] = apr_array_make(pool, 4, sizeof(const char *));
    for (word = apr_strtok(text + line->except[column], ", ", &state); word; word = apr_strtok(NULL, ", ", &state)) {
        if (!is_word(words, word)) {
            fail_msg("line %d: \"%s\" is no word of column %d", line->number, word, column + 1);
        }
        APR_ARRAY_PUSH(line->lists[column], const char *) = word;
    }
    if (line->lists[column]->nelts == 0) {
        fail_msg("line %d: column %d is empty", line->number, column + 1);
    }
}

static void read_line(line_t *line, char *text, const expect_words_t words[EXPECT_COLUMNS], apr_pool_t *pool)
{
    char *arrow = strstr(text, "->");

    if (!arrow) {
        fail_msg("line %d has no ->", line->number);
        return;
    }
    *arrow = '\0';
    line->result = trimmed(arrow + 2);
    for (int column = 0; column < EXPECT_COLUMNS; column++) {
        char *bar = strchr(text, '|');

        if (!bar != (column == EXPECT_COLUMNS - 1)) {
            fail_msg("line %d has not %d columns", line->number, EXPECT_COLUMNS);
            return;
        }
        if (bar) {
            *bar = '\0';
        }
        read_column(line, column, text, words[column], pool);
        text = bar ? bar + 1 : text;
    }
}

expect_t *expect_load(const char *file, const char *section, const expect_words_t words[EXPECT_COLUMNS],
                      apr_pool_t *pool)
{
    const char *header = apr_psprintf(pool, "[%s]", section);
    expect_t *expect = apr_pcalloc(pool, sizeof(*expect));
    FILE *stream = fopen(apr_pstrcat(pool, RA_SRCDIR "/tests/unit/", file, NULL), "r");
    char buffer[LINE_MAX_BYTES];
    int inside = 0;

    assert_non_null(stream);
    expect->file = file;
    expect->lines = apr_array_make(pool, 64, sizeof(line_t));
    for (int number = 1; fgets(buffer, sizeof(buffer), stream); number++) {
        char *text = trimmed(apr_pstrdup(pool, buffer));

        assert_non_null(strchr(buffer, '\n'));
        if (*text == '[') {
            inside = strcmp(text, header) == 0;
        } else if (inside && *text && *text != '#') {
            line_t *line = memset(apr_array_push(expect->lines), 0, sizeof(line_t));

            line->number = number;
            read_line(line, text, words, pool);
        }
    }
    fclose(stream);
    assert_true(expect->lines->nelts > 0);
    return expect;
}

static int holds(const line_t *line, int column, const char *value)
{
    const apr_array_header_t *list = line->lists[column];

    for (int i = 0; list && i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), value) == 0) {
            return !line->except[column];
        }
    }
    return !list || line->except[column];
}

static int matches(const line_t *line, const char *const values[EXPECT_COLUMNS])
{
    for (int column = 0; column < EXPECT_COLUMNS; column++) {
        if (!holds(line, column, values[column])) {
            return 0;
        }
    }
    return 1;
}

static void differs(expect_t *expect, const char *const values[EXPECT_COLUMNS], const char *what, const char *detail,
                    int number)
{
    if (expect->differences++ < DIFFERENCES_SHOWN) {
        print_error("%s:%d: %s | %s | %s | %s: %s %s\n", expect->file, number, values[0], values[1], values[2],
                    values[3], what, detail);
    }
}

void expect_compare(expect_t *expect, const char *const values[EXPECT_COLUMNS], const char *result)
{
    const line_t *found = NULL;

    expect->compared++;
    for (int i = 0; i < expect->lines->nelts; i++) {
        line_t *line = &APR_ARRAY_IDX(expect->lines, i, line_t);

        if (!matches(line, values)) {
            continue;
        }
        line->uses++;
        if (found) {
            differs(expect, values, "a second line, besides the one of", found->result, line->number);
        } else if (strcmp(line->result, result) != 0) {
            differs(expect, values, "really", result, line->number);
        }
        found = line;
    }
    if (!found) {
        differs(expect, values, "no line says it; really", result, 0);
    }
}

int expect_finish(const expect_t *expect)
{
    int unused = 0;

    for (int i = 0; i < expect->lines->nelts; i++) {
        const line_t *line = &APR_ARRAY_IDX(expect->lines, i, line_t);

        if (line->uses == 0) {
            print_error("%s:%d: the line matches nothing\n", expect->file, line->number);
            unused++;
        }
    }
    if (expect->differences > 0 || unused > 0) {
        fail_msg("%s: %d of %d combinations differ, %d lines match nothing", expect->file, expect->differences,
                 expect->compared, unused);
    }
    return expect->compared;
}
