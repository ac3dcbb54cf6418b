/* Asking for production, and operations as the API shows them. The exchange with the CA is in enrolment.c. Layer: business. */
#include "business/ca/production.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/x509.h"
#include "business/ca/codes.h"
#include "business/ca/pair.h"
#include "business/certificate/certificate.h"
#include "business/certificate/profile.h"
#include "business/lifecycle/target.h"

#define JOB "enrol"
#define LANE_ISSUANCE 1

static apr_status_t refuse_key(const ra_act_t *act, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, "/csr", violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

/* A renewal may keep the key of the certificate that it renews. */
static apr_status_t is_old_key(const ra_act_t *act, const ra_application_t *application, ra_bytes_t hash, apr_int64_t *pfound)
{
    return ra_sql_int(act->tx, pfound, "SELECT 1 FROM certificates WHERE id = ? AND spki_sha256 = ?",
                      RA_VALUES(ra_v_uuid(application->target_id), ra_v_bytes(hash)));
}

/* One key is certified once, ever, and a blocked one never; the application that used it in a failed attempt may use it again. */
static apr_status_t claim_key(const ra_act_t *act, const ra_application_t *application, const ra_key_t *key)
{
    ra_bytes_t hash = ra_bytes_of(key->spki_sha256, RA_SHA256_BYTES);
    apr_int64_t own;
    apr_uint64_t claimed = 0;
    apr_status_t status = ra_sql_change(act->tx, &claimed,
                                        "INSERT INTO used_keys (spki_sha256, application_id, used_at) SELECT ?, ?, UTC_TIMESTAMP(6) FROM DUAL"
                                        " WHERE NOT EXISTS (SELECT 1 FROM blocked_keys WHERE spki_sha256 = ?)",
                                        RA_VALUES(ra_v_bytes(hash), ra_v_uuid(application->id), ra_v_bytes(hash)));

    if (status == APR_SUCCESS && claimed == 0) {
        return refuse_key(act, RA_VIOLATION_KEY_KNOWN_WEAK, RA_PROBLEM_KEY_WEAK);
    }
    if (status != APR_EEXIST) {
        return status;
    }
    if (application->business->keeps_key) {
        status = is_old_key(act, application, hash, &own);
        if (status != APR_ENOENT) {
            return status;
        }
    }
    status = ra_sql_int(act->tx, &own, "SELECT 1 FROM used_keys WHERE spki_sha256 = ? AND application_id = ?",
                        RA_VALUES(ra_v_bytes(hash), ra_v_uuid(application->id)));
    return status == APR_ENOENT ? refuse_key(act, RA_VIOLATION_KEY_REUSED, RA_PROBLEM_KEY_REUSED) : status;
}

static apr_status_t check_not_blocked(const ra_act_t *act, ra_bytes_t hash)
{
    apr_int64_t found;
    apr_status_t status = ra_sql_int(act->tx, &found, "SELECT 1 FROM blocked_keys WHERE spki_sha256 = ?", RA_VALUES(ra_v_bytes(hash)));

    if (status == APR_SUCCESS) {
        return refuse_key(act, RA_VIOLATION_KEY_KNOWN_WEAK, RA_PROBLEM_KEY_WEAK);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

static apr_status_t check_key(const ra_act_t *act, const ra_application_t *application, const ra_key_t *key)
{
    if (!ra_snapshot_allows_key(application->snapshot, key, act->tx->pool)) {
        return refuse_key(act, RA_VIOLATION_KEY_KIND, RA_PROBLEM_KEY_NOT_ALLOWED);
    }
    return claim_key(act, application, key);
}

apr_status_t ra_production_check_unused(const ra_act_t *act, const char *certificate_id, const ra_key_t *key)
{
    ra_bytes_t hash = ra_bytes_of(key->spki_sha256, RA_SHA256_BYTES);
    apr_int64_t found;
    apr_status_t status = check_not_blocked(act, hash);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_int(act->tx, &found,
                        "SELECT 1 FROM used_keys u WHERE u.spki_sha256 = ? AND NOT EXISTS (SELECT 1 FROM certificates c"
                        " WHERE c.id = ? AND c.spki_sha256 = u.spki_sha256)",
                        RA_VALUES(ra_v_bytes(hash), ra_v_uuid(certificate_id)));
    return status == APR_SUCCESS ? refuse_key(act, RA_VIOLATION_KEY_REUSED, RA_PROBLEM_KEY_REUSED) : status == APR_ENOENT ? APR_SUCCESS : status;
}

apr_status_t ra_production_queue(const ra_act_t *act, ra_application_t *application, const ra_enrolment_t *enrolment, const char **pjob)
{
    unsigned char transaction[RA_UUID_BYTES];
    ra_value_t now = ra_v_rfc3339(application->now);
    apr_status_t status;

    application->operation_id = ra_uuid_make(act->tx->pool);
    status = ra_outbox_add_held(enrolment->runs_at_once ? act->ra->outbox : NULL, act->tx, JOB, LANE_ISSUANCE, application->operation_id, pjob);
    if (status == APR_SUCCESS) {
        status = ra_random(transaction, sizeof(transaction));
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO ca_attempts (id, application_id, is_encryption, state, transaction_id, code_id, csr, spki, spki_sha256, job_id,"
                         " next_run_at, created_at, updated_at) VALUES (?, ?, ?, 'prepared', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         RA_VALUES(ra_v_uuid(application->operation_id), ra_v_uuid(application->id), ra_v_int(enrolment->is_encryption),
                                   ra_v_bytes(ra_bytes_of(transaction, sizeof(transaction))), ra_v_uuid(enrolment->code_id),
                                   ra_v_bytes(enrolment->csr), ra_v_bytes(enrolment->key->spki), ra_v_hash(enrolment->key->spki_sha256),
                                   ra_v_uuid(*pjob), now, now, now));
}

/* Key, attempt, job and step: what every way to production comes to, once codes and request are right. */
static apr_status_t queue_attempt(const ra_act_t *act, ra_application_t *application, const ra_csr_t *csr,
                                  const char *code_id, ra_step_t *step, const char **pjob)
{
    apr_pool_t *pool = act->tx->pool;
    ra_json_t *record = ra_json_object_make(pool);
    ra_key_t second;
    ra_enrolment_t enrolment = {.key = &csr->key, .csr = csr->der, .code_id = code_id, .runs_at_once = 1};
    apr_status_t status;

    if (ra_pair_is_half_made(application)) {
        enrolment = (ra_enrolment_t){.key = &second, .code_id = code_id, .is_encryption = 1, .runs_at_once = 1};
        status = ra_pair_key_again(&second, act, application, &csr->key);
    } else {
        status = ra_target_is_still_taken(act, application);
        status = status == APR_SUCCESS ? check_key(act, application, &csr->key) : status;
    }
    RA_FAILPOINT(key_used);
    if (status == APR_SUCCESS) {
        status = ra_production_queue(act, application, &enrolment, pjob);
    }
    RA_FAILPOINT(attempt_inserted);
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_string(record, "operation_id", application->operation_id);
    ra_json_set_string(record, "spki_sha256", ra_hex(ra_bytes_of(csr->key.spki_sha256, RA_SHA256_BYTES), pool));
    step->record = record;
    return status == APR_SUCCESS ? ra_application_move(act, application, step) : status;
}

apr_status_t ra_production_request(const ra_act_t *act, ra_application_t *application, const ra_json_t *form, const char **pjob)
{
    ra_step_t step = {.action = (ra_action_e)RA_STEP_PRODUCTION, .outcome = "requested"};
    const char *code_id;
    ra_csr_t *csr;
    apr_status_t status = ra_application_may(act, application, step.action, RA_DECISION_YES);

    if (status == APR_SUCCESS) {
        status = ra_codes_use(&code_id, act, application, ra_json_get_string(form, "reference_code"), ra_json_get_string(form, "authorisation_code"));
    }
    if (status == APR_SUCCESS) {
        status = ra_csr_parse(&csr, ra_json_get_string(form, "csr"), "/csr", act->tx->result, act->tx->pool);
    }
    return status == APR_SUCCESS ? queue_attempt(act, application, csr, code_id, &step, pjob) : status;
}

apr_status_t ra_production_proved(const ra_act_t *act, ra_application_t *application,
                                  const ra_proved_request_t *request, const char **pjob)
{
    ra_step_t step = {.action = (ra_action_e)RA_STEP_PRODUCTION, .outcome = "requested", .by = request->by};
    ra_csr_t *csr;
    apr_status_t status = ra_application_may(act, application, step.action, RA_DECISION_YES);

    /* The tool would be given the certificate of a key that it does not have. */
    if (status == APR_SUCCESS && ra_pair_is_half_made(application)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_PAIR_HALF_MADE, NULL);
    }
    if (status == APR_SUCCESS) {
        status = request->csr.len > 0 ? ra_csr_parse_der(&csr, request->csr, "/csr", act->tx->result, act->tx->pool)
                                      : ra_csr_of_key(&csr, request->spki, "/csr", act->tx->result, act->tx->pool);
    }
    return status == APR_SUCCESS ? queue_attempt(act, application, csr, request->code_id, &step, pjob) : status;
}

void ra_production_run_now(const ra_t *ra, const char *operation_id, const char *job_id, apr_interval_time_t wait, apr_pool_t *pool)
{
    ra_job_t job = {.id = job_id, .kind = JOB, .subject = operation_id};

    if (ra->outbox) {
        ra_outbox_run_held(ra->outbox, &job, wait, pool);
    }
}

/* --- operations ------------------------------------------------------------------------------------------------- */

/* The word of the API for each state of an attempt. */
#define STATUS_OF_EACH_STATE(X)                                                                                        \
    X("pending", "prepared") X("pending", "sent") X("waiting", "waiting") X("unknown", "unknown")                      \
    X("succeeded", "issued") X("succeeded", "done") X("failed", "rejected") X("failed", "refused") X("failed", "settled")

#define WHEN_STATE(status, state) " WHEN '" state "' THEN '" status "'"
#define STATUS_OF_STATE "CASE t.state" STATUS_OF_EACH_STATE(WHEN_STATE) " END"

/* Where the operation stands: "", or "operation." for a member of that name. */
#define COLUMNS(p)                                                                                                     \
    "t.id AS `" p "id`, IF(t.kind = 'enrol', 'production', 'revocation') AS `" p "kind`, " STATUS_OF_STATE " AS `" p "status`,"                         \
    " t.application_id AS `" p "application_id`, o.id AS `" p "application.id`, o.number AS `" p "application.number`, o.business AS `" p "application.business`," \
    " o.subject_name AS `" p "application.subject_name`, t.certificate_id AS `" p "certificate_id`, t.tries AS `" p "attempts`,"                        \
    " t.next_run_at AS `" p "next_run_at`, t.reason_outcome AS `" p "reason.outcome`, COALESCE(t.reason_text, t.reason_outcome) AS `" p "reason.text`," \
    " t.created_at AS `" p "created_at`, t.updated_at AS `" p "updated_at`, t.version AS `" p "version`"
#define OPERATION "SELECT " COLUMNS("") " FROM "
#define OF_APPLICATION " STRAIGHT_JOIN applications o ON o.id = t.application_id"

static apr_status_t read_operation(ra_json_t **poperation, const ra_act_t *act, const char *id)
{
    return ra_sql_row(act->tx, poperation, OPERATION "ca_attempts t" OF_APPLICATION " WHERE t.id = ?", RA_VALUES(ra_v_uuid(id)));
}

ra_json_t *ra_operation_queued(const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *operation = ra_json_object_make(act->tx->pool);
    ra_json_t *about;

    ra_json_set_string(operation, "id", application->operation_id);
    ra_json_set_string(operation, "kind", "production");
    ra_json_set_string(operation, "status", "pending");
    ra_json_set_string(operation, "application_id", application->id);
    about = ra_json_set_object(operation, "application");
    ra_json_set_string(about, "id", application->id);
    ra_json_set_string(about, "number", application->number);
    ra_json_set_string(about, "business", application->business->name);
    ra_json_set_string(about, "subject_name", application->subject_name);
    ra_json_set_int(operation, "attempts", 0);
    ra_json_set_string(operation, "next_run_at", application->now);
    ra_json_set_string(operation, "created_at", application->now);
    ra_json_set_string(operation, "updated_at", application->now);
    ra_json_set_int(operation, "version", 1);
    return operation;
}

/* One statement, so that operation, certificate and entity tag are of one picture without a transaction. */
static const char outcome_sql[] =
    "SELECT " COLUMNS("operation.") ", " RA_CERTIFICATE_COLUMNS("certificate.") ", o.version AS version FROM ca_attempts t" OF_APPLICATION
    " LEFT JOIN certificates a ON a.id = t.certificate_id LEFT JOIN subscribers s ON s.id = a.subscriber_id WHERE t.id = ?";

apr_status_t ra_operation_outcome(ra_json_t **poutcome, apr_int64_t *pversion, const ra_act_t *act, const char *id)
{
    apr_status_t status = ra_sql_row(act->tx, poutcome, outcome_sql, RA_VALUES(ra_v_uuid(id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    *pversion = ra_json_get_int(*poutcome, "version", 0);
    ra_json_remove(*poutcome, "version");
    if (!ra_json_get(ra_json_get(*poutcome, "certificate"), "id")) {
        ra_json_remove(*poutcome, "certificate");
    }
    return APR_SUCCESS;
}

apr_status_t ra_operation_open(ra_json_t **poperation, const ra_act_t *act, const char *id, ra_roles_t roles)
{
    apr_status_t status = read_operation(poperation, act, id);
    ra_application_t *application;

    if (status == APR_ENOENT) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    return status == APR_SUCCESS ? ra_application_open(&application, act, ra_json_get_string(*poperation, "application_id"), roles) : status;
}

/* --- the list of them ------------------------------------------------------------------------------------------- */

#define STATES_OF_STATUS 3 /* at most */
#define PAGES_IN_SIGHT 40 /* who sees less than so many pages of applications sees few */
#define ROWS_FIRST "ca_attempts t STRAIGHT_JOIN applications a ON a.id = t.application_id"
#define SIGHT_FIRST "applications a STRAIGHT_JOIN ca_attempts t ON t.application_id = a.id"

#define STATUS_AND_STATE(status, state) {status, state},
static const struct {
    const char *status;
    const char *state;
} states[] = {STATUS_OF_EACH_STATE(STATUS_AND_STATE)};

typedef struct page_t {
    const ra_act_t *act;
    const ra_sight_t *sight;
    const ra_operation_filter_t *filter;
    const char *from;
    ra_value_t values[STATES_OF_STATUS * (RA_SIGHT_VALUES + 3) + 1];
    int count;
} page_t;

/* From the newest down a page is soon full, unless the caller sees next to nothing: then it is looked for among what is in sight. */
static apr_status_t choose_way(page_t *page)
{
    ra_value_t values[RA_SIGHT_VALUES + 1];
    int count = 0;
    const char *seen = ra_sight_clause(page->sight, values, &count);
    apr_int64_t found, few = (apr_int64_t)PAGES_IN_SIGHT * page->filter->limit;
    apr_status_t status;

    page->from = "ca_attempts t";
    if (page->sight->everything) {
        return APR_SUCCESS;
    }
    values[count++] = ra_v_int(few);
    status = ra_sql_int(page->act->tx, &found, apr_pstrcat(page->act->tx->pool, "SELECT COUNT(*) FROM (SELECT 1 FROM applications a WHERE ", seen, " LIMIT ?) f", NULL),
                        (ra_values_t){values, count});
    page->from = status == APR_SUCCESS && found < few ? SIGHT_FIRST : ROWS_FIRST;
    return status;
}

/* The ids of the newest in one state, or in any, in the order of an index. Put together from constants only; every value is bound. */
static const char *branch(page_t *page, const char *state)
{
    const char *before = page->filter->before_id ? page->filter->before_id : "ffffffff-ffff-ffff-ffff-ffffffffffff";
    const char *seen;

    if (state) {
        page->values[page->count++] = ra_v_text(state);
    }
    page->values[page->count++] = ra_v_uuid(before);
    seen = ra_sight_clause(page->sight, page->values, &page->count);
    page->values[page->count++] = ra_v_int(page->filter->limit + 1);
    return apr_pstrcat(page->act->tx->pool, "(SELECT t.id FROM ", page->from, " WHERE ", state ? "t.state = ? AND " : "", "t.id < ? AND ", seen,
                       " ORDER BY t.id DESC LIMIT ?)", NULL);
}

static const char *branches(page_t *page)
{
    const char *sql = "";

    if (!page->filter->status) {
        return branch(page, NULL);
    }
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i].status, page->filter->status) == 0) {
            sql = apr_pstrcat(page->act->tx->pool, sql, *sql ? " UNION ALL " : "", branch(page, states[i].state), NULL);
        }
    }
    return sql;
}

/* The page is found first, by ids alone, and its rows read afterwards. */
apr_status_t ra_operation_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_operation_filter_t *filter)
{
    page_t page = {.act = act, .sight = sight, .filter = filter};
    apr_status_t status = choose_way(&page);
    const char *sql;

    if (status != APR_SUCCESS) {
        return status;
    }
    sql = apr_pstrcat(act->tx->pool, OPERATION "(", branches(&page),
                      ") p STRAIGHT_JOIN ca_attempts t ON t.id = p.id" OF_APPLICATION " ORDER BY t.id DESC LIMIT ?", NULL);
    page.values[page.count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){page.values, page.count});
}
