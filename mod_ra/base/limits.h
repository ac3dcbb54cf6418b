/* Every maximum of the module, in one place. Units are in the names or beside the number. */
#ifndef RA_BASE_LIMITS_H
#define RA_BASE_LIMITS_H

/* JSON and HTTP */
#define RA_BODY_MAX_BYTES (1024 * 1024)
#define RA_JSON_MAX_DEPTH 32
#define RA_JSON_MAX_MEMBERS 2000
#define RA_JSON_MAX_INTEGER 9007199254740991LL /* 2^53 - 1 */
#define RA_JSON_NUMBER_MAX_CHARS 60 /* of one number as written; cJSON cuts at 63 */
#define RA_DOCUMENT_MAX_BYTES (16 * 1024 * 1024) /* the operator's own JSON files */
#define RA_DOCUMENT_MAX_DEPTH 64
#define RA_DOCUMENT_MAX_MEMBERS 100000
#define RA_PATTERN_MATCH_MAX 100000 /* steps of one regular expression on one value */
#define RA_PATTERN_HEAP_MAX_KIB 1024
#define RA_QUERY_MAX_PARAMS 32
#define RA_VIOLATIONS_MAX 50 /* schema violations reported together */
#define RA_PAGE_DEFAULT 50
#define RA_PAGE_MAX 200
#define RA_IF_MATCH_MAX 8
#define RA_IDEMPOTENCY_KEY_MAX 128
#define RA_IDEMPOTENCY_DAYS 7
#define RA_PURGE_ROWS 1000 /* removed at a time */
#define RA_BULK_SLICE_SECONDS 3 /* of a bulk operation, before its thread looks at other work; how many rows: the API's document */
#define RA_BULK_LEASE_SECONDS 15 /* after a crash another child goes on */
#define RA_BULK_DAYS 90 /* results of rows stay readable */

/* Names */
#define RA_NAME_KEY_MAX 200 /* characters of a name as it is searched for: the width of subject_key and name_key */

/* Certificates and certificate requests */
#define RA_CSR_MAX_BYTES (16 * 1024)
#define RA_CERT_MAX_BYTES (64 * 1024)
#define RA_RSA_MIN_BITS 2048
#define RA_RSA_MAX_BITS 8192
#define RA_SAN_MAX 20
#define RA_OVERLAP_MAX_DAYS 3660 /* longer than a certificate lives */
#define RA_CMS_MAX_BYTES (16 * 1024) /* a signature with its certificates */

/* Reference and authorisation codes (domain.md §2) */
#define RA_CODE_TRIES_MAX 5
#define RA_CODE_RANDOM_BYTES 15 /* 120 bits: above the 112 that design §9 asks for */

/* Forms filled in beforehand */
#define RA_PREFILL_RETRY_SECONDS 3600
#define RA_PREFILL_USED_DAYS 400 /* how long the code still tells how far the application is */
#define RA_PROGRESS_TRIES_MAX 10 /* wrong ones of one number */
#define RA_PROGRESS_TRIES_SECONDS 3600

/* Files for everybody */
#define RA_DOWNLOAD_LIST_MAX_BYTES (256 * 1024)
#define RA_DOWNLOAD_NAME_MAX_BYTES 200

/* Keys outside the database */
#define RA_KEY_FILE_MAX_BYTES (64 * 1024)
#define RA_KEY_LABEL_MAX 64 /* characters */
#define RA_SEALED_MAX_BYTES (16 * 1024 * 1024)

/* Database */
#define RA_TX_TRIES_MAX 5
#define RA_TX_BACKOFF_MS 20
#define RA_SCHEMA_RETRY_SECONDS 30 /* while a migration runs */
#define RA_STATEMENTS_PER_CONNECTION 256

/* Evidence */
#define RA_AUDIT_BATCH_MAX_EVENTS 10000
#define RA_AUDIT_BATCHES_AT_ONCE 10  /* of a backlog, before the thread looks at other work */
#define RA_AUDIT_SETTLE_SECONDS 60   /* no transaction of ours takes longer from an event's row to its COMMIT */
#define RA_AUDIT_PATROL_ROWS 10000   /* old events looked through at a time for one that is in no batch */

/* Upstream CA */
#define RA_CRL_DEFAULT_MEBIBYTES 64 /* about a million entries */
#define RA_CRL_MAX_MEBIBYTES 512    /* of which it is read in one piece */
#define RA_CA_CERTIFICATES_MAX_BYTES (256 * 1024)
#define RA_CMP_ANSWER_MAX_BYTES (256 * 1024)
#define RA_CMP_MESSAGE_MAX_BYTES (64 * 1024) /* from a subscriber's tool */
#define RA_CMP_REFERENCE_MAX_CHARS 64         /* senderKID as typed */
#define RA_CMP_TRANSACTION_MAX_BYTES 64       /* transactionID and nonces of others */
#define RA_CMP_SIGNED_PER_DAY 16              /* signed requests (kur, rr) that are kept of one certificate */
#define RA_CMP_LIMIT_REQUESTS 60              /* messages of one client, where RACMPRateLimit says nothing else */
#define RA_CMP_LIMIT_SECONDS 60
#define RA_CONFIRMATION_RUNS_MAX 300 /* of a job, about 18 hours; then a person asks the CA */
#define RA_JOB_BACKOFF_MAX_SECONDS 300
#define RA_JOB_HELD_SECONDS 5 /* from the queueing of a job to what its run keeps it with */

#endif
