/* Papers as data. Layer: business. */
#include "business/application/papers.h"

#include <apr_strings.h>
#include <string.h>

/* --- the form --------------------------------------------------------------------------------------------------- */

/* What is on the paper, in its order, and where the application has it; what is not there is left out. */
static const struct {
    const char *name;
    const char *pointer;
    const char *zh;
    const char *en;
} fields[] = {
    {"number", "/number", "受理号", "Application number"},
    {"created_at", "/created_at", "申请日期", "Date"},
    {"business", "/business", "业务类型", "Business"},
    {"project", "/subscriber/project", "项目名称", "Project"},
    {"kind", "/kind", "证书种类", "Kind of certificate"},
    {"usage", "/usage", "证书用途", "Usage"},
    {"subject_name", "/subject_name", "证书主题名称", "Subject name"},
    {"validity_years", "/validity_years", "有效期（年）", "Validity in years"},
    {"subscriber_name", "/subscriber/name", "单位名称/姓名", "Name of the subscriber"},
    {"social_security_no", "/subscriber/social_security_no", "社保编号", "Social-security number"},
    {"organisation_code", "/subscriber/organisation_code/value", "组织机构代码/统一社会信用代码", "Organisation code"},
    {"id_document_type", "/subscriber/id_document/type", "证件类型", "Type of ID document"},
    {"id_document_number", "/subscriber/id_document/number", "证件号码", "Number of ID document"},
    {"contact_name", "/subscriber/contact/name", "联系人", "Contact"},
    {"contact_phone", "/subscriber/contact/phone", "联系方式", "Phone"},
    {"contact_email", "/subscriber/contact/email", "电子邮箱", "E-mail"},
    {"region", "/subscriber/region", "所属地区", "Region"},
    {"agency", "/subscriber/agency/name", "主管社保经办单位", "Supervising agency"},
    {"filing_number", "/steps/agency_decision/filing_number", "备案号", "Filing number"},
    {"old_serial", "/old_serial", "原证书序列号", "Serial of the old certificate"},
    {"cause", "/cause", "补发原因", "Cause"},
    {"revocation_reason", "/revocation_reason", "吊销原因", "Reason for revocation"},
    {"token_serial", "/token/serial", "智能密码钥匙序列号", "Serial of the EKey"},
    {"token_purchased_on", "/token/purchased_on", "智能密码钥匙购买日期", "EKey purchased on"},
    {"note", "/note", "备注", "Note"},
};

/* Copies 1 and 2 go to the archivist, copy 3 stays with the subscriber (§3-§8). */
static const struct {
    const char *zh;
    const char *en;
    const char *destination;
    const char *destination_zh;
    const char *destination_en;
} copies[] = {
    {"第一联", "Copy 1", "archivist", "档案管理员留存", "kept by the archivist"},
    {"第二联", "Copy 2", "archivist", "档案管理员留存", "kept by the archivist"},
    {"第三联", "Copy 3", "subscriber", "订户留存", "kept by the subscriber"},
};

static void add_fields(ra_json_t *form, const ra_json_t *application)
{
    ra_json_t *list = ra_json_set_array(form, "fields");

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const ra_json_t *value = ra_json_pointer(application, fields[i].pointer);

        if (value) {
            ra_json_t *field = ra_json_add_object(list);

            ra_json_set_string(field, "name", fields[i].name);
            ra_json_set_texts(field, "label", fields[i].zh, fields[i].en);
            ra_json_set_copy(field, "value", value);
        }
    }
}

static void add_copies(ra_json_t *form)
{
    ra_json_t *list = ra_json_set_array(form, "copies");

    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        ra_json_t *copy = ra_json_add_object(list);

        ra_json_set_int(copy, "copy", (apr_int64_t)i + 1);
        ra_json_set_texts(copy, "name", copies[i].zh, copies[i].en);
        ra_json_set_string(copy, "destination", copies[i].destination);
        ra_json_set_texts(copy, "destination_name", copies[i].destination_zh, copies[i].destination_en);
    }
}

static void add_materials(ra_json_t *form, const ra_application_t *application)
{
    unsigned wanted = application->business->materials[application->kind];
    ra_json_t *materials = ra_json_set_array(form, "materials");

    for (unsigned bit = 1; bit < 1u << RA_MATERIAL_COUNT; bit <<= 1) {
        if ((wanted & bit) && bit != RA_MATERIAL_APPLICATION_FORM) {
            ra_json_add_string(materials, ra_material_name(bit));
        }
    }
}

/* 单位… or 个人…: the sheet is the subscriber's; the unlock form has only one. */
static const char *title(const ra_application_t *application, apr_pool_t *pool)
{
    const char *form = application->business->form;
    int is_person = strcmp(ra_json_get_string(application->applicant, "kind"), "person") == 0;

    return strncmp(form, "证书", strlen("证书")) != 0 ? form : apr_pstrcat(pool, is_person ? "个人" : "单位", form, NULL);
}

static apr_status_t add_old_serial(ra_json_t *json, const ra_act_t *act, const char *certificate_id)
{
    ra_json_t *row;
    apr_status_t status = certificate_id ? ra_sql_row(act->tx, &row, "SELECT serial AS serial FROM certificates WHERE id = ?",
                                                      RA_VALUES(ra_v_uuid(certificate_id)))
                                         : APR_ENOENT;

    if (status == APR_SUCCESS) {
        ra_json_set_string(json, "old_serial", ra_json_get_string(row, "serial"));
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

apr_status_t ra_paper_form(ra_json_t **pform, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *json, *form = ra_json_object_make(act->tx->pool);
    apr_status_t status = ra_application_json(&json, act, application);

    if (status == APR_SUCCESS) {
        status = add_old_serial(json, act, application->target_id);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_string(form, "application_id", application->id);
    ra_json_set_string(form, "number", application->number);
    ra_json_set_string(form, "business", application->business->name);
    ra_json_set_texts(form, "business_name", application->business->zh, application->business->en);
    ra_json_set_string(form, "title", title(application, act->tx->pool));
    ra_json_set_string(form, "authentication", application->kind == RA_KIND_PERSON ? "signature" : "seal");
    add_fields(form, json);
    add_materials(form, application);
    add_copies(form);
    *pform = form;
    return APR_SUCCESS;
}

/* --- the task completion record --------------------------------------------------------------------------------- */

static void add_hands(ra_json_t *record, const ra_application_t *application)
{
    ra_json_t *hands = ra_json_set_array(record, "hands");

    for (int i = 0; i < application->business->step_count; i++) {
        ra_step_e step = application->business->steps[i].step;
        const ra_json_t *done = ra_json_get(application->steps, ra_step_name(step));

        if (done) {
            ra_json_t *hand = ra_json_add_object(hands);

            ra_json_set_string(hand, "step", ra_step_name(step));
            ra_json_set_texts(hand, "name", ra_step_title(step, 0), ra_step_title(step, 1));
            ra_json_set_copy(hand, "by", ra_json_get(done, "by"));
            ra_json_set_copy(hand, "at", ra_json_get(done, "at"));
        }
    }
}

static apr_status_t add_certificate(ra_json_t *record, const ra_act_t *act, const char *member, const char *id)
{
    ra_json_t *row;
    apr_status_t status = id ? ra_sql_row(act->tx, &row,
                                          "SELECT id AS id, serial AS serial, subject_name AS subject_name, not_before AS not_before,"
                                          " not_after AS not_after, revoked_at AS revoked_at, suspended_at AS suspended_at"
                                          " FROM certificates WHERE id = ?", RA_VALUES(ra_v_uuid(id)))
                             : APR_ENOENT;

    if (status == APR_SUCCESS) {
        ra_json_set_copy(record, member, row);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

apr_status_t ra_paper_completion(ra_json_t **precord, const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *record = ra_json_object_make(act->tx->pool), *subscriber;
    const ra_json_t *completion = ra_json_get(application->steps, ra_step_name(RA_STEP_COMPLETION));
    apr_status_t status = add_certificate(record, act, "certificate", application->certificate_id);

    if (status == APR_SUCCESS) {
        status = add_certificate(record, act, "target_certificate", application->target_id);
    }
    ra_json_set_string(record, "application_id", application->id);
    ra_json_set_string(record, "number", application->number);
    ra_json_set_string(record, "business", application->business->name);
    ra_json_set_texts(record, "business_name", application->business->zh, application->business->en);
    ra_json_set_string(record, "state", ra_state_name(application->state));
    ra_json_set_string(record, "subject_name", application->subject_name);
    subscriber = ra_json_set_object(record, "subscriber");
    ra_json_set_string(subscriber, "id", application->subscriber_id);
    ra_json_set_string(subscriber, "name", ra_json_get_string(application->applicant, "name"));
    ra_json_set_string(subscriber, "social_security_no", application->social_security_no);
    ra_json_set_string(record, "project", ra_json_get_string(application->applicant, "project"));
    ra_json_set_string(record, "started_at", application->created_at);
    add_hands(record, application);
    ra_json_set_copy(record, "completed_at", ra_json_get(completion, "at"));
    ra_json_set_copy(record, "completed_by", ra_json_get(completion, "by"));
    if (!completion && application->state == RA_STATE_COMPLETED) { /* nobody's step: the RA itself ended it */
        ra_json_set_string(record, "completed_at", application->updated_at);
        ra_json_set_string(ra_json_set_object(record, "completed_by"), "name", RA_ITSELF);
    }
    ra_json_set_copy(record, "summary", ra_json_get(completion, "summary"));
    *precord = record;
    return status;
}

/* --- the production sheet --------------------------------------------------------------------------------------- */

/* From the review's end until the papers are filed. */
static const char *const being_made[] = {"awaiting_production", "in_production", "awaiting_handover", "awaiting_registration", "awaiting_archive"};
#define BEING_MADE ((int)(sizeof(being_made) / sizeof(being_made[0])))

typedef struct sheet_t {
    const ra_act_t *act;
    const ra_sight_t *sight;
    const ra_sheet_filter_t *filter;
    const char *after_id;
    int limit;
    ra_value_t values[BEING_MADE * (RA_SIGHT_VALUES + 5) + 1];
    int count;
} sheet_t;

/* The oldest of one state, in the order of the sheet's index: without sorting or reading the others. */
static const char *sheet_branch(sheet_t *sheet, const char *state)
{
    const char *seen;

    sheet->values[sheet->count++] = ra_v_text(sheet->filter->project);
    sheet->values[sheet->count++] = ra_v_text(sheet->filter->business->name);
    sheet->values[sheet->count++] = ra_v_text(state);
    seen = ra_sight_clause(sheet->sight, sheet->values, &sheet->count);
    if (sheet->after_id) {
        sheet->values[sheet->count++] = ra_v_uuid(sheet->after_id);
    }
    sheet->values[sheet->count++] = ra_v_int(sheet->limit);
    return apr_pstrcat(sheet->act->tx->pool, "(SELECT a.id, a.state FROM applications a FORCE INDEX (applications_sheet)"
                       " WHERE a.project <=> ? AND a.business = ? AND a.state = ? AND ", seen, sheet->after_id ? " AND a.id > ?" : "", " ORDER BY a.id LIMIT ?)", NULL);
}

static const char *sheet_branches(sheet_t *sheet)
{
    const char *sql = sheet->filter->state ? sheet_branch(sheet, sheet->filter->state) : sheet_branch(sheet, being_made[0]);

    for (int i = 1; !sheet->filter->state && i < BEING_MADE; i++) {
        sql = apr_pstrcat(sheet->act->tx->pool, sql, " UNION ALL ", sheet_branch(sheet, being_made[i]), NULL);
    }
    return sql;
}

apr_status_t ra_sheet_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_sheet_filter_t *filter)
{
    sheet_t sheet = {.act = act, .sight = sight, .filter = filter, .after_id = filter->after_id, .limit = filter->limit + 1};
    const char *sql = apr_pstrcat(
        act->tx->pool,
        "SELECT a.id AS id, a.number AS number, a.kind AS kind, a.cert_usage AS `usage`, a.state AS state, a.subject_name AS subject_name,"
        " a.validity_years AS validity_years, a.region AS region, a.social_security_no AS `subscriber.social_security_no`,"
        " JSON_VALUE(a.applicant, '$.name') AS `subscriber.name`, a.subscriber_id AS `subscriber.id`,"
        " JSON_VALUE(a.applicant, '$.organisation_code.value') AS organisation_code, c.serial AS serial, c.not_after AS not_after"
        " FROM (", sheet_branches(&sheet), ") p STRAIGHT_JOIN applications a ON a.id = p.id LEFT JOIN certificates c ON c.id = a.certificate_id"
        " ORDER BY a.id LIMIT ?", NULL);

    sheet.values[sheet.count++] = ra_v_int(sheet.limit);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){sheet.values, sheet.count});
}

apr_status_t ra_sheet_counts(ra_json_t **pcounts, int *pmore, const ra_act_t *act, const ra_sight_t *sight, const ra_sheet_filter_t *filter)
{
    sheet_t sheet = {.act = act, .sight = sight, .filter = filter, .limit = RA_SHEET_COUNT_MAX + 1};
    const char *sql = apr_pstrcat(act->tx->pool, "SELECT p.state AS state, COUNT(*) AS count FROM (", sheet_branches(&sheet), ") p GROUP BY p.state", NULL);
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows, sql, (ra_values_t){sheet.values, sheet.count});

    *pcounts = ra_json_object_make(act->tx->pool);
    *pmore = 0;
    for (const ra_json_t *row = status == APR_SUCCESS ? ra_json_first(rows) : NULL; row; row = ra_json_next(row)) {
        apr_int64_t count = ra_json_get_int(row, "count", 0);

        *pmore |= count > RA_SHEET_COUNT_MAX;
        ra_json_set_int(*pcounts, ra_json_get_string(row, "state"), count > RA_SHEET_COUNT_MAX ? RA_SHEET_COUNT_MAX : count);
    }
    return status;
}
