/*
 * Fault knobs: which message gets which wrong treatment. Set over the control port, read by the server and the CMP
 * service.
 */
#ifndef DEVCA_KNOBS_H
#define DEVCA_KNOBS_H

#include "flatjson.h"

#define ABOUT_MAX 64

typedef enum {
    MODE_NORMAL,
    MODE_LATE,    /* right, but only after ms */
    MODE_SILENT,  /* do it, then close without an answer */
    MODE_DROP,    /* close before reading */
    MODE_REFUSE,  /* reset, a new connection before its handshake */
    MODE_GARBAGE, /* 200 with random bytes as pkixcmp */
    MODE_HTML,    /* 200 with text/html */
    MODE_HTTP500,
    MODE_REJECT,            /* signed rejection, nothing issued */
    MODE_ISSUE_THEN_REJECT, /* issued, then a signed rejection */
    MODE_WRONG_KEY,         /* certificates that differ from the request */
    MODE_WRONG_SUBJECT,
    MODE_WRONG_VALIDITY,
    MODE_WRONG_TRANSACTION, /* answers with a valid signature that belong elsewhere */
    MODE_WRONG_NONCE,
    MODE_BAD_SIGNATURE,
    MODE_WRONG_SIGNER,      /* signed by a subscriber of this CA, in the CA's name */
    MODE_WRONG_SENDER,      /* the same in the subscriber's own name */
    MODE_UNPROTECTED_ERROR, /* an error message that nobody signed */
    MODE_TRUNCATE,          /* the answer ends after `at` bytes (default: the half) */
    MODE_OVERSIZE,          /* more than 256 KiB */
    MODE_SLOW_BYTE,         /* a byte each 200 ms */
    MODE_WAITING,           /* `polls` times "check after `check_after` seconds", then the certificate */
    MODE_NO_CONFIRM         /* takes the certConf, then closes without an answer */
} mode_e;

typedef struct knob_t {
    mode_e mode;
    char body[16]; /* message type, or "" for ir, cr, p10cr and rr */
    unsigned char about[ABOUT_MAX]; /* bytes of the messages it is for, or of the request of their transaction */
    size_t about_len;               /* 0 for every message */
    int count;     /* messages left, -1 for all */
    int ms;
    int polls;
    int check_after;
    int at;
    int process; /* with garbage, html, http500: do it first? */
} knob_t;

/** Sets a knob from a control body. 0 with *perror when it is not understood. */
int knobs_set(const char *json, const char **perror);
/** The knobs as JSON text, malloc'ed. */
char *knobs_show(void);
/** A message, and the request that its transaction began with (NULL: unknown). */
typedef struct knob_message_t {
    const char *body;
    const unsigned char *der, *request;
    size_t len, request_len;
} knob_message_t;

/** The treatment of a message; uses it up. */
knob_t knobs_take(const knob_message_t *message);
/** The treatment of a connection before anything is read: MODE_DROP, MODE_REFUSE or MODE_NORMAL; uses it up. @param
 * fresh just accepted */
mode_e knobs_take_connection(int fresh);
/** Is the memory of transactions switched on (dedup=on)? */
int knobs_dedup(void);

#endif
