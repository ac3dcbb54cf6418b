/* The progress query. Layer: business. Thread rule: as its transaction. */
#include "business/application/progress.h"

#include <string.h>

#include "base/limits.h"
#include "business/application/prefill.h"

/* --- the words -------------------------------------------------------------------------------------------------- */

/* What a state means to the subscriber, and what to do next. */
typedef struct word_t {
    const char *zh;
    const char *en;
    const char *advice_zh;
    const char *advice_en;
} word_t;

static const word_t filled_in = {
    "申请表已填写，尚未受理。", "The form is filled in and has not been accepted yet.",
    "请在有效期内携带打印的申请表和证明材料到受理点办理。", "Bring the printed form and the materials to the counter before it expires."};

#define WAIT_ZH "请等待办理，无需操作。"
#define WAIT_EN "Nothing to do: please wait."

static const word_t words[RA_STATE_COUNT] = {
    [RA_STATE_AWAITING_AGENCY_DECISION] = {"等待主管社保经办单位批准。", "The supervising agency has to approve it.",
                                           "请与主管社保经办单位联系。", "Ask your supervising agency."},
    [RA_STATE_AWAITING_ACCEPTANCE] = {"等待受理：核对证明材料、收取费用。", "The counter has to check the materials and take the fee.",
                                      "请携带申请表和证明材料到受理点。", "Bring the form and the materials to the counter."},
    [RA_STATE_AWAITING_ENTRY] = {"已受理，等待录入。", "Accepted; the data have to be entered.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_REVIEW] = {"已录入，等待审核。", "Entered; the review is next.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_EXECUTION] = {"已通过审核，正在由上级 CA 执行。", "Approved; the upstream CA is carrying it out.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_PRODUCTION] = {"新申请：已通过审核，等待制证。", "Approved; the certificate has to be made.", WAIT_ZH, WAIT_EN},
    [RA_STATE_IN_PRODUCTION] = {"新申请：已通过审核，尚在制作中。", "Approved; the certificate is being made.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_OPERATION] = {"已受理，等待解锁操作。", "Accepted; the EKey has to be unlocked.",
                                     "请携带单位公章、经办人身份证复印件和 EKey。", "Bring the seal, a copy of the handler's ID and the EKey."},
    [RA_STATE_AWAITING_HANDOVER] = {"证书已制作，等待检查发放。", "The certificate is made and has to be inspected and handed over.",
                                    "请携带身份证件到受理点领取。", "Collect it at the counter with your ID."},
    [RA_STATE_AWAITING_REGISTRATION] = {"已办理，等待登记。", "Done; it has to be registered.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_ARCHIVE] = {"已办理，资料正在归档。", "Done; the papers are being filed.", WAIT_ZH, WAIT_EN},
    [RA_STATE_AWAITING_COMPLETION] = {"已办理，等待填写任务完成记录单。", "Done; the completion record is next.", WAIT_ZH, WAIT_EN},
    [RA_STATE_REJECTED] = {"申请被退回。", "The application was rejected.",
                           "请按退回原因和办理指引改正后，再到受理点提交。", "Correct it as the guidance says and submit it again at the counter."},
    [RA_STATE_COMPLETED] = {"已办结。", "Completed.", "请妥善保管申请表第三联。", "Keep copy 3 of the form."},
    [RA_STATE_WITHDRAWN] = {"申请已撤回。", "The application was withdrawn.", "如仍需办理，请重新申请。", "Apply again if you still need it."},
};

static void add_word(ra_json_t *json, const word_t *word)
{
    ra_json_set_texts(json, "texts", word->zh, word->en);
    ra_json_set_texts(json, "advice", word->advice_zh, word->advice_en);
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

/* Place in the business of the step that an application waits for, or was rejected by; step_count when all are done. */
static int place_of(const ra_application_t *application)
{
    const ra_business_t *business = application->business;
    ra_step_e step = RA_STEP_NONE;
    int place = 0;

    if ((int)application->state < RA_STEP_COUNT) {
        step = (ra_step_e)application->state;
    } else if (application->state == RA_STATE_IN_PRODUCTION) {
        step = RA_STEP_PRODUCTION;
    } else if (application->state == RA_STATE_REJECTED) {
        step = ra_step_of(ra_json_get_string(application->rejection, "step"));
    } else if (application->state == RA_STATE_WITHDRAWN) {
        return -1;
    }
    while (place < business->step_count && business->steps[place].step != step) {
        place++;
    }
    return place;
}

static void add_steps(ra_json_t *json, const ra_business_t *business, int place)
{
    ra_json_t *steps = ra_json_set_array(json, "steps");

    for (int i = 0; i < business->step_count; i++) {
        ra_step_e step = business->steps[i].step;
        ra_json_t *item = ra_json_add_object(steps);

        ra_json_set_string(item, "step", ra_step_name(step));
        ra_json_set_texts(item, "name", ra_step_title(step, 0), ra_step_title(step, 1));
        ra_json_set_string(item, "status", i < place ? "done" : i == place ? "current" : "open");
    }
}

/* Reason and guidance were written for the subscriber; who wrote them is nobody's business. */
static void add_rejection(ra_json_t *json, const ra_application_t *application)
{
    ra_json_t *rejection;

    if (application->state == RA_STATE_REJECTED && application->rejection) {
        rejection = ra_json_set_object(json, "rejection");
        ra_json_set_string(rejection, "reason", ra_json_get_string(application->rejection, "reason"));
        ra_json_set_string(rejection, "guidance", ra_json_get_string(application->rejection, "guidance"));
    }
}

static ra_json_t *of_application(const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *json = ra_json_object_make(act->tx->pool);

    ra_json_set_string(json, "number", application->number);
    ra_json_set_string(json, "business", application->business->name);
    ra_json_set_texts(json, "business_name", application->business->zh, application->business->en);
    ra_json_set_string(json, "state", ra_state_name(application->state));
    add_word(json, &words[application->state]);
    add_steps(json, application->business, place_of(application));
    add_rejection(json, application);
    ra_json_set_string(json, "submitted_at", application->created_at);
    ra_json_set_string(json, "updated_at", application->updated_at);
    return json;
}

static ra_json_t *of_prefill(const ra_act_t *act, const ra_prefill_t *prefill)
{
    ra_json_t *json = ra_json_object_make(act->tx->pool);

    ra_json_set_string(json, "number", prefill->number);
    ra_json_set_string(json, "state", "filled_in");
    add_word(json, &filled_in);
    ra_json_set_array(json, "steps");
    ra_json_set_string(json, "submitted_at", prefill->created_at);
    ra_json_set_string(json, "updated_at", prefill->created_at);
    ra_json_set_string(json, "expires_at", prefill->expires_at);
    return json;
}

/* --- the question ----------------------------------------------------------------------------------------------- */

/* A try is counted before it is looked at, so that many at a time count too; the right one is taken back. */
static apr_status_t count_try(const ra_act_t *act, const char *number)
{
    apr_int64_t tries = 0;
    apr_status_t status = ra_sql_change(
        act->tx, NULL,
        "INSERT INTO progress_tries (number, tries, since) VALUES (?, 1, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE"
        " tries = IF(since < UTC_TIMESTAMP(6) - INTERVAL ? SECOND, 1, tries + 1),"
        " since = IF(tries = 1, UTC_TIMESTAMP(6), since)",
        RA_VALUES(ra_v_text(number), ra_v_int(RA_PROGRESS_TRIES_SECONDS)));

    if (status == APR_SUCCESS) {
        status = ra_sql_int(act->tx, &tries, "SELECT tries FROM progress_tries WHERE number = ?", RA_VALUES(ra_v_text(number)));
    }
    if (status == APR_SUCCESS && tries > RA_PROGRESS_TRIES_MAX) {
        act->tx->result->retry_after = RA_PROGRESS_TRIES_SECONDS;
        return ra_refuse(act->tx->result, RA_PROBLEM_PROGRESS_LOCKED, NULL);
    }
    return status;
}

static apr_status_t take_back_try(const ra_act_t *act, const char *number)
{
    return ra_sql_change(act->tx, NULL, "UPDATE progress_tries SET tries = tries - 1 WHERE number = ?", RA_VALUES(ra_v_text(number)));
}

static int ends_with(const char *text, const char *tail)
{
    apr_size_t len = strlen(text), tail_len = strlen(tail);

    return len >= tail_len && ra_bytes_equal(ra_bytes_text(text + len - tail_len), ra_bytes_text(tail));
}

/* *papplication NULL when there is no application of that number. */
static apr_status_t find_application(ra_application_t **papplication, const ra_act_t *act, const char *number)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, "SELECT id AS id FROM applications WHERE number = ?", RA_VALUES(ra_v_text(number)));

    *papplication = NULL;
    if (status == APR_ENOENT) {
        return APR_SUCCESS;
    }
    return status == APR_SUCCESS ? ra_application_read(papplication, act, ra_json_get_string(row, "id")) : status;
}

apr_status_t ra_progress_query(ra_json_t **pprogress, const ra_act_t *act, const char *number, const char *tail)
{
    ra_application_t *application = NULL;
    ra_prefill_t *prefill = NULL;
    apr_status_t status = count_try(act, number);

    if (status == APR_SUCCESS) {
        status = find_application(&application, act, number);
    }
    if (status == APR_SUCCESS) {
        status = ra_prefill_by_tail(&prefill, act, number, tail);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (application && (prefill || ends_with(application->social_security_no, tail))) {
        *pprogress = of_application(act, application);
    } else if (prefill && !prefill->application_id) {
        *pprogress = of_prefill(act, prefill);
    } else {
        act->tx->result->keep = 1;
        return ra_refuse(act->tx->result, RA_PROBLEM_PROGRESS_NOT_FOUND, NULL);
    }
    return take_back_try(act, number);
}

apr_status_t ra_progress_forget(ra_tx_t *tx, void *unused)
{
    (void)unused;
    return ra_sql_change(tx, NULL, "DELETE FROM progress_tries WHERE since < UTC_TIMESTAMP(6) - INTERVAL ? SECOND ORDER BY since LIMIT ?",
                         RA_VALUES(ra_v_int(RA_PROGRESS_TRIES_SECONDS), ra_v_int(RA_PURGE_ROWS)));
}
