/* Notices. Layer: business. */
#include "business/certificate/notices.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"

/* What to tell, with the day of the notice beside it. */
static const struct {
    const char *kind;
    const char *zh;
    const char *en;
} texts[] = {
    {RA_NOTICE_30_DAYS, "证书挂起将在30天后到期，届时证书将自动解挂；证书有效期先届满的，将报部门经理审批后废除。如需吊销、解挂或恢复，请在到期前办理。",
     "The suspension ends in 30 days: the certificate is then released, or abolished with the manager's approval where it lapses first. "
     "Apply before for revocation or resumption."},
    {RA_NOTICE_7_DAYS, "证书挂起将在7天后到期，届时证书将自动解挂；证书有效期先届满的，将报部门经理审批后废除。如需吊销、解挂或恢复，请在到期前办理。",
     "The suspension ends in 7 days: the certificate is then released, or abolished with the manager's approval where it lapses first. "
     "Apply before for revocation or resumption."},
    {RA_NOTICE_WAITS, "证书挂起已满，因有在办的吊销或补办申请，证书暂不解挂，等待该申请办结。",
     "The suspension has reached its end; the certificate is not released while an application that ends it is open."},
    {RA_NOTICE_ENDS, "证书挂起已满6个月，没有收到吊销申请，证书由系统解挂。",
     "The suspension has lasted six months and no revocation was applied for: the certificate is released."},
    {RA_NOTICE_ABOLITION, "证书在挂起期间有效期已届满，已报部门经理审批废除。",
     "The certificate has lapsed while it was suspended: its abolition awaits the manager's approval."},
};

apr_status_t ra_notice_write(const ra_act_t *act, const ra_notice_t *notice)
{
    const char *id = ra_uuid_make(act->tx->pool);

    return id ? ra_sql_change(act->tx, NULL,
                              "INSERT INTO notices (id, kind, certificate_id, suspension, subscriber_id, application_id, region, agency_id, submitted_by,"
                              " due_at, created_at) SELECT ?, ?, c.id, c.suspensions, c.subscriber_id, ?, c.region, c.agency_id, c.submitted_by,"
                              " c.suspension_until, UTC_TIMESTAMP(6) FROM certificates c WHERE c.id = ?",
                              RA_VALUES(ra_v_uuid(id), ra_v_text(notice->kind), ra_v_uuid(notice->application_id), ra_v_uuid(notice->certificate_id)))
              : APR_EGENERAL;
}

#define NOTICE                                                                                                         \
    "SELECT a.id AS id, a.kind AS kind, a.certificate_id AS `certificate.id`, c.serial AS `certificate.serial`,"       \
    " c.subject_name AS `certificate.subject_name`, a.subscriber_id AS `subscriber.id`, s.name AS `subscriber.name`,"  \
    " s.social_security_no AS `subscriber.social_security_no`, a.application_id AS application_id, a.region AS region," \
    " a.due_at AS due_at, a.created_at AS created_at, a.told_at AS `told.at`, a.told_by AS `told.by.id`,"              \
    " p.name AS `told.by.name`, a.channel AS `told.channel`, a.note AS `told.note`, a.version AS version"              \
    " FROM (SELECT a.id FROM notices a WHERE " /* the page is found first, and joined afterwards */
#define JOINED                                                                                                         \
    ") f STRAIGHT_JOIN notices a ON a.id = f.id STRAIGHT_JOIN certificates c ON c.id = a.certificate_id"               \
    " STRAIGHT_JOIN subscribers s ON s.id = a.subscriber_id LEFT JOIN principals p ON p.id = a.told_by ORDER BY a.id DESC"

/* The row and its texts. */
static void fill(ra_json_t *notice, const ra_json_t *row)
{
    for (const ra_json_t *member = ra_json_first(row); member; member = ra_json_next(member)) {
        ra_json_set_copy(notice, ra_json_name(member), member);
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].kind, ra_json_get_string(notice, "kind")) == 0) {
            ra_json_t *text = ra_json_set_object(notice, "texts");

            ra_json_set_string(text, "zh-CN", texts[i].zh);
            ra_json_set_string(text, "en", texts[i].en);
        }
    }
}

/* Put together from constants only; every value is bound. */
apr_status_t ra_notice_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_notice_filter_t *filter)
{
    const ra_clause_t clauses[] = {
        {" AND a.kind = ?", ra_v_text(filter->kind)},
        {" AND a.certificate_id = ?", ra_v_uuid(filter->certificate_id)},
        {" AND a.id < ?", ra_v_uuid(filter->before_id)},
    };
    ra_value_t values[RA_SIGHT_VALUES + 4];
    int count = 0;
    const char *seen = ra_sight_clause(sight, values, &count);
    const char *sql = apr_pstrcat(act->tx->pool, NOTICE, seen, filter->open_only ? " AND a.is_open = 1" : "",
                                  RA_CLAUSES(values, &count, clauses, act->tx->pool), NULL);
    ra_json_t *rows;
    apr_status_t status;

    values[count++] = ra_v_int(filter->limit + 1);
    status = ra_sql_rows(act->tx, &rows, apr_pstrcat(act->tx->pool, sql, " ORDER BY a.id DESC LIMIT ?" JOINED, NULL), (ra_values_t){values, count});
    *pitems = ra_json_array_make(act->tx->pool);
    for (const ra_json_t *row = status == APR_SUCCESS ? ra_json_first(rows) : NULL; row; row = ra_json_next(row)) {
        fill(ra_json_add_object(*pitems), row);
    }
    return status;
}

apr_status_t ra_notice_open(ra_json_t **pnotice, const ra_act_t *act, const ra_sight_t *sight, const char *id)
{
    ra_value_t values[RA_SIGHT_VALUES + 1];
    int count = 0;
    ra_json_t *row;
    const char *sql = apr_pstrcat(act->tx->pool, NOTICE, ra_sight_clause(sight, values, &count), " AND a.id = ?" JOINED, NULL);
    apr_status_t status;

    values[count++] = ra_v_uuid(id);
    status = ra_sql_row(act->tx, &row, sql, (ra_values_t){values, count});
    if (status == APR_ENOENT) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    *pnotice = ra_json_object_make(act->tx->pool);
    fill(*pnotice, row);
    return status;
}

apr_status_t ra_notice_told(const ra_act_t *act, const char *id, apr_int64_t version, const char *channel, const char *note)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(act->tx, &affected,
                                        "UPDATE notices SET told_at = UTC_TIMESTAMP(6), told_by = ?, channel = ?, note = ?, version = version + 1"
                                        " WHERE id = ? AND version = ?",
                                        RA_VALUES(ra_v_uuid(act->who->id), ra_v_text(channel), ra_v_text(note), ra_v_uuid(id), ra_v_int(version)));

    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}
