/* Fault knobs: a short list under a mutex. Thread rule: free-threaded. */
#include "knobs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOBS_MAX 128

static const char *const mode_names[] = {
    [MODE_NORMAL] = "normal",
    [MODE_LATE] = "late",
    [MODE_SILENT] = "silent",
    [MODE_DROP] = "drop",
    [MODE_REFUSE] = "refuse",
    [MODE_GARBAGE] = "garbage",
    [MODE_HTML] = "html",
    [MODE_HTTP500] = "http500",
    [MODE_REJECT] = "reject",
    [MODE_ISSUE_THEN_REJECT] = "issue_then_reject",
    [MODE_WRONG_KEY] = "wrong_key",
    [MODE_WRONG_SUBJECT] = "wrong_subject",
    [MODE_WRONG_VALIDITY] = "wrong_validity",
    [MODE_WRONG_TRANSACTION] = "wrong_transaction",
    [MODE_WRONG_NONCE] = "wrong_nonce",
    [MODE_BAD_SIGNATURE] = "bad_signature",
    [MODE_WRONG_SIGNER] = "wrong_signer",
    [MODE_WRONG_SENDER] = "wrong_sender",
    [MODE_UNPROTECTED_ERROR] = "unprotected_error",
    [MODE_TRUNCATE] = "truncate",
    [MODE_OVERSIZE] = "oversize",
    [MODE_SLOW_BYTE] = "slow_byte",
    [MODE_WAITING] = "waiting",
    [MODE_NO_CONFIRM] = "no_confirm",
};

static struct {
    pthread_mutex_t mutex;
    knob_t list[KNOBS_MAX];
    int used;
    int dedup_off;
} knobs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int mode_of(const char *name)
{
    int i;

    for (i = 0; i < (int)(sizeof(mode_names) / sizeof(mode_names[0])); i++) {
        if (strcmp(mode_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static int before_reading(mode_e mode)
{
    return mode == MODE_DROP || mode == MODE_REFUSE;
}

/* A page of a proxy or a failed server mostly means that the CA never saw the message; garbage mostly that it did. */
static int processes_by_default(mode_e mode)
{
    return mode != MODE_HTML && mode != MODE_HTTP500;
}

static void read_about(knob_t *knob, const char *hex)
{
    unsigned int byte;

    while (hex != NULL && knob->about_len < ABOUT_MAX && sscanf(hex, "%2x", &byte) == 1) {
        knob->about[knob->about_len++] = (unsigned char)byte;
        hex += strlen(hex) > 1 ? 2 : 1;
    }
}

static void read_knob(knob_t *knob, int mode, const char *json)
{
    char *body = json_get_text(json, "body");
    char *about = json_get_text(json, "about");

    memset(knob, 0, sizeof(*knob));
    knob->mode = (mode_e)mode;
    knob->count = (int)json_get_int(json, "count", -1);
    knob->ms = (int)json_get_int(json, "ms", 3000);
    knob->polls = (int)json_get_int(json, "polls", 1);
    knob->check_after = (int)json_get_int(json, "check_after", 1);
    knob->at = (int)json_get_int(json, "at", -1);
    knob->process = (int)json_get_int(json, "process", processes_by_default(knob->mode));
    strncpy(knob->body, body != NULL ? body : mode == MODE_NO_CONFIRM ? "certConf" : "", sizeof(knob->body) - 1);
    read_about(knob, about);
    free(about);
    free(body);
}

static int same_messages(const knob_t *a, const knob_t *b)
{
    return strcmp(a->body, b->body) == 0 && a->about_len == b->about_len && memcmp(a->about, b->about, a->about_len) == 0;
}

/* One knob for a message type and what it is about: a new one takes the place of the former. */
static int place_knob(const knob_t *knob)
{
    int i;

    for (i = 0; i < knobs.used; i++) {
        if (same_messages(&knobs.list[i], knob)) {
            break;
        }
    }
    if (i == KNOBS_MAX) {
        return 0;
    }
    knobs.list[i] = *knob;
    knobs.used += i == knobs.used;
    return 1;
}

int knobs_set(const char *json, const char **perror)
{
    char *mode_name = json_get_text(json, "mode");
    char *dedup = json_get_text(json, "dedup");
    int mode = mode_name != NULL ? mode_of(mode_name) : MODE_NORMAL;
    knob_t knob;
    int ok = 0;

    if (!json_is_flat(json)) {
        *perror = "not one flat JSON object";
    } else if (mode < 0) {
        *perror = "unknown mode";
    } else {
        read_knob(&knob, mode, json);
        pthread_mutex_lock(&knobs.mutex);
        if (dedup != NULL) {
            knobs.dedup_off = strcmp(dedup, "off") == 0;
        }
        if (mode_name != NULL && mode == MODE_NORMAL) {
            knobs.used = 0;
        }
        ok = mode == MODE_NORMAL || place_knob(&knob);
        pthread_mutex_unlock(&knobs.mutex);
        *perror = ok ? NULL : "too many knobs";
    }
    free(mode_name);
    free(dedup);
    return ok;
}

static void show_one(json_out_t *out, const knob_t *knob)
{
    json_start(out);
    json_add_text(out, "mode", mode_names[knob->mode]);
    json_add_text(out, "body", knob->body);
    json_add_int(out, "count", knob->count);
    json_add_int(out, "ms", knob->ms);
    json_add_int(out, "polls", knob->polls);
    json_add_int(out, "check_after", knob->check_after);
    json_add_int(out, "at", knob->at);
    json_add_bool(out, "process", knob->process);
    json_end(out);
}

char *knobs_show(void)
{
    json_out_t list = {0};
    json_out_t all;
    int i;

    json_start(&all);
    pthread_mutex_lock(&knobs.mutex);
    json_add_text(&all, "dedup", knobs.dedup_off ? "off" : "on");
    for (i = 0; i < knobs.used; i++) {
        json_out_t one;
        size_t room;
        show_one(&one, &knobs.list[i]);
        room = list.len + one.len + 3;
        list.text = realloc(list.text, room);
        if (list.text == NULL) {
            abort();
        }
        memcpy(list.text + list.len, i > 0 ? "," : "[", 1);
        memcpy(list.text + list.len + 1, one.text, one.len + 1);
        list.len += one.len + 1;
        json_free(&one);
    }
    pthread_mutex_unlock(&knobs.mutex);
    if (list.text != NULL) {
        memcpy(list.text + list.len, "]", 2);
    }
    json_add_raw(&all, "knobs", list.text != NULL ? list.text : "[]");
    json_end(&all);
    free(list.text);
    return all.text;
}

static int is_request(const char *body)
{
    return strcmp(body, "cr") == 0 || strcmp(body, "ir") == 0 || strcmp(body, "p10cr") == 0 || strcmp(body, "rr") == 0;
}

static int has(const unsigned char *der, size_t len, const knob_t *knob)
{
    return der != NULL && memmem(der, len, knob->about, knob->about_len) != NULL;
}

static int matches(const knob_t *knob, const knob_message_t *message)
{
    if (knob->body[0] != '\0' ? strcmp(knob->body, message->body) != 0 : !is_request(message->body)) {
        return 0;
    }
    return knob->about_len == 0 || has(message->der, message->len, knob) || has(message->request, message->request_len, knob);
}

static void use_up(knob_t *knob)
{
    if (knob->count > 0) {
        knob->count--;
    }
}

knob_t knobs_take(const knob_message_t *message)
{
    knob_t taken;
    int i;

    memset(&taken, 0, sizeof(taken));
    pthread_mutex_lock(&knobs.mutex);
    for (i = 0; i < knobs.used; i++) {
        knob_t *knob = &knobs.list[i];
        if (knob->count != 0 && !before_reading(knob->mode) && matches(knob, message)) {
            taken = *knob;
            use_up(knob);
            break;
        }
    }
    pthread_mutex_unlock(&knobs.mutex);
    return taken;
}

mode_e knobs_take_connection(int fresh)
{
    mode_e mode = MODE_NORMAL;
    int i;

    pthread_mutex_lock(&knobs.mutex);
    for (i = 0; i < knobs.used && mode == MODE_NORMAL; i++) {
        knob_t *knob = &knobs.list[i];
        if (knob->count != 0 && before_reading(knob->mode) && (!fresh || knob->mode == MODE_REFUSE)) {
            mode = knob->mode;
            use_up(knob);
        }
    }
    pthread_mutex_unlock(&knobs.mutex);
    return mode;
}

int knobs_dedup(void)
{
    int on;

    pthread_mutex_lock(&knobs.mutex);
    on = !knobs.dedup_off;
    pthread_mutex_unlock(&knobs.mutex);
    return on;
}
