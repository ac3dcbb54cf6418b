/* The public certificate status query (domain.md §9, §18.3, §18.4). Layer: business. */
#include "business/certificate/certificate.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"

#define SHOWN_MAX 5

/* One row of the answer's vocabulary: precise word, the source's word, texts and advice. */
typedef struct word_t {
    const char *status;
    const char *source;
    const char *zh;
    const char *en;
    const char *advice_zh;
    const char *advice_en;
} word_t;

static const word_t words[] = {
    {"pending", "新申请", "申请已通过审核，证书尚在制作中。", "The application has passed review; the certificate is being made.",
     "请等待领取通知，或向受理点查询。", "Wait for the notice to collect it, or ask the counter."},
    {"valid", "证书使用中", "证书在有效期限内，可以正常使用。", "The certificate is within its validity and can be used.",
     "到期前请办理更新。", "Renew it before it expires."},
    {"suspended", "挂起", "证书已被挂起，暂时不能使用。", "The certificate is suspended and cannot be used for now.",
     "请到受理点申请解挂或吊销；挂起最长6个月。", "Apply for resumption or revocation at the counter; a suspension lasts at most 6 months."},
    {"expired", "证书注销", "证书已过期。", "The certificate has expired.", "请携带材料办理更新或新制。", "Apply for a renewal or a new certificate."},
    {"not_yet_valid", "证书注销", "证书尚未生效。", "The certificate is not yet in force.", "请在生效日期之后使用。",
     "Use it after it has come into force."},
    {"revoked", "证书注销", "证书已被吊销，不能再使用。", "The certificate has been revoked and can no longer be used.",
     "如需继续使用，请办理证书新制。", "Apply for a new certificate if you still need one."},
};

/* Certificates of that name, then applications that are being made (§9 新申请): one statement, no personal column. */
static const char status_sql[] =
    "(SELECT CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.suspended_at IS NOT NULL THEN 'suspended'"
    " WHEN c.not_after <= UTC_TIMESTAMP(6) THEN 'expired' WHEN c.not_before > UTC_TIMESTAMP(6) THEN 'not_yet_valid' ELSE 'valid' END AS status,"
    " c.kind AS kind, c.cert_usage AS `usage`, c.not_before AS not_before, c.not_after AS not_after, c.revocation_reason AS reason,"
    " c.suspension_until AS suspended_until, c.id AS id"
    " FROM certificates c WHERE c.subject_key = ? AND (? IS NULL OR c.social_security_no = ?) AND (? IS NULL OR c.serial = ?)"
    " ORDER BY c.id DESC LIMIT 6)"
    " UNION ALL"
    " (SELECT 'pending', a.kind, a.cert_usage, NULL, NULL, NULL, NULL, a.id FROM applications a"
    " WHERE a.subject_key = ? AND a.state IN ('awaiting_production', 'in_production') AND (? IS NULL OR a.social_security_no = ?) AND ? IS NULL"
    " ORDER BY a.id DESC LIMIT 6)"
    " ORDER BY id DESC LIMIT 6";

static void add_item(ra_json_t *items, const ra_json_t *row)
{
    const char *status = ra_json_get_string(row, "status");
    ra_json_t *item = ra_json_add_object(items);
    const word_t *word = words;

    while (strcmp(word->status, status) != 0) {
        word++;
    }
    ra_json_set_string(item, "status", status);
    ra_json_set_string(item, "source_status", word->source);
    ra_json_set_texts(item, "texts", word->zh, word->en);
    ra_json_set_texts(item, "advice", word->advice_zh, word->advice_en);
    ra_json_set_string(item, "kind", ra_json_get_string(row, "kind"));
    ra_json_set_string(item, "usage", ra_json_get_string(row, "usage"));
    ra_json_set_string(item, "not_before", ra_json_get_string(row, "not_before"));
    ra_json_set_string(item, "not_after", ra_json_get_string(row, "not_after"));
    ra_json_set_string(item, "reason", ra_json_get_string(row, "reason"));
    ra_json_set_string(item, "suspended_until", ra_json_get_string(row, "suspended_until"));
}

apr_status_t ra_certificate_status(ra_json_t **pstatus, ra_tx_t *tx, const char *subject, const char *social_security_no, const char *serial)
{
    const char *key = ra_text_name_key(subject, tx->pool);
    ra_json_t *rows = NULL, *items;
    int shown = 0;
    apr_status_t status = APR_SUCCESS;

    if (key) {
        status = ra_sql_rows(tx, &rows, status_sql,
                             RA_VALUES(ra_v_text(key), ra_v_text(social_security_no), ra_v_text(social_security_no), ra_v_text(serial), ra_v_text(serial),
                                       ra_v_text(key), ra_v_text(social_security_no), ra_v_text(social_security_no), ra_v_text(serial)));
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    *pstatus = ra_json_object_make(tx->pool);
    ra_json_set_string(*pstatus, "subject", subject);
    ra_json_set_string(*pstatus, "as_of", ra_rfc3339(apr_time_now(), tx->pool));
    items = ra_json_set_array(*pstatus, "items");
    for (const ra_json_t *row = ra_json_first(rows); row && shown < SHOWN_MAX; row = ra_json_next(row), shown++) {
        add_item(items, row);
    }
    ra_json_set_bool(*pstatus, "more", ra_json_size(rows) > SHOWN_MAX);
    return APR_SUCCESS;
}
