/*
 * The append-only ledger STATE/ledger.jsonl: what the CA received and did, one JSON object a line. It is the CA's only
 * memory: its state is the fold over the lines, so a killed CA comes back as it was, and a test may read the same lines
 * as evidence.
 */
#ifndef DEVCA_LEDGER_H
#define DEVCA_LEDGER_H

#include "flatjson.h"

typedef struct ledger_t ledger_t;

/** Called for every line in order, the ones found at opening, the ones other processes append, and our own. */
typedef void (*ledger_apply_t)(void *baton, const char *line);

/** Opens or creates it and replays it. A line torn by a kill is cut off. NULL on failure (said on stderr). */
ledger_t *ledger_open(const char *dir, ledger_apply_t apply, void *baton);
void ledger_close(ledger_t *ledger);

/** Starts a line: {at, seq and kind follow when it is appended}. */
void ledger_line(json_out_t *line, const char *kind);
/** Writes the line (and frees it), after replaying what others wrote meanwhile, and applies it. 0 on failure. One
 * caller at a time. */
int ledger_append(ledger_t *ledger, json_out_t *line);
/** Replays what other processes appended. */
int ledger_refresh(ledger_t *ledger);
/** fsync, before an answer tells of what was written. */
int ledger_sync(ledger_t *ledger);

#endif
