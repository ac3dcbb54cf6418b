/*
 * Every log id that httpd/ writes, in one list (style: unique, never reused).
 * Layer: httpd. Error: the operator must act; warning: degraded; info: life cycle and refusals.
 */
#ifndef RA_HTTPD_LOG_IDS_H
#define RA_HTTPD_LOG_IDS_H

/* Configuration and start */
#define RA_LOG_SETTING_MISSING "RA0701: "   /* a directive that is needed is absent or contradicts another */
#define RA_LOG_DOCUMENT "RA0702: "          /* the API document was refused */
#define RA_LOG_CLIENT_CERTIFICATE "RA0703: " /* SSLVerifyClient or SSLEngine does not fit RAHost */
#define RA_LOG_KEY_FILE "RA0704: "          /* RAKeyFile was refused */
#define RA_LOG_SECRET_FILE "RA0705: "       /* a file with a secret is unreadable or open to others */
#define RA_LOG_CREDENTIAL "RA0706: "        /* the credential for the upstream CA was refused */
#define RA_LOG_DATABASE_SETTING "RA0707: "  /* a setting of the database loses data: no start */
#define RA_LOG_DATABASE_AWAY "RA0708: "     /* the database is out of reach at start: started all the same */
#define RA_LOG_SHARED_MEMORY "RA0709: "     /* no shared memory for limiter or metrics */
#define RA_LOG_WATCHDOG "RA0710: "          /* mod_watchdog is missing or refused the runner */
#define RA_LOG_NO_UPSTREAM "RA0711: "       /* no upstream CA is configured */
#define RA_LOG_AUDIT_KEY "RA0712: "         /* RAAuditKey was refused */
#define RA_LOG_NO_AUDIT_KEY "RA0713: "      /* no audit key is configured: events are not sealed */
#define RA_LOG_EXPIRY "RA0714: "            /* a certificate ends within 30 days (warning) or 3 days (error) */

/* Life of a child */
#define RA_LOG_CHILD "RA0720: "             /* a child could not be made ready: it answers 503 */
#define RA_LOG_RUNNER_STARTED "RA0721: "
#define RA_LOG_RUNNER_STOPPED "RA0722: "
#define RA_LOG_RUNNER_LATE "RA0723: "       /* work did not end in time: the child leaves without it */

/* Requests */
#define RA_LOG_REFUSED "RA0740: "           /* refused before an operation: limit, host, path */
#define RA_LOG_BODY "RA0741: "              /* the request body could not be read */
#define RA_LOG_CERTIFICATE_ODD "RA0742: "   /* mod_ssl verified a certificate but did not hand it over */
#define RA_LOG_RANDOM "RA0743: "            /* no random bytes for a trace id */
#define RA_LOG_NOT_READY "RA0744: "         /* /readyz answers 503 */
#define RA_LOG_GAUGE "RA0745: "             /* a gauge of /metrics could not be read */
#define RA_LOG_DOWNLOAD "RA0746: "          /* a file for everybody could not be sent */

#endif
