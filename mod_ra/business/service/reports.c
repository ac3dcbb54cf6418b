/* Reports. Layer: business. */
#include "business/service/reports.h"

#include <apr_strings.h>

/* Whole days up to a day of the calendar of the people who read it: China Standard Time (UTC+8). */
#define DAYS_UNTIL(column) "DATEDIFF(" column " + INTERVAL 8 HOUR, UTC_TIMESTAMP(6) + INTERVAL 8 HOUR)"

#define CERTIFICATE                                                                                                    \
    "SELECT a.id AS id, a.serial AS serial, a.subject_name AS subject_name, a.kind AS kind, a.cert_usage AS `usage`,"  \
    " a.region AS region, s.id AS `subscriber.id`, s.name AS `subscriber.name`,"                                       \
    " a.social_security_no AS `subscriber.social_security_no`, a.not_after AS not_after"
/*
 * The page is found first, in the order of its index, and joined afterwards: else the optimiser reads everything and sorts it, or walks through all certificates in
 * the order of their ids.
 */
#define FROM_PAGE(index) " FROM (SELECT a.id FROM certificates a FORCE INDEX (" index ") WHERE "
#define END_OF_PAGE(column) " ORDER BY a." column ", a.id LIMIT ?) p STRAIGHT_JOIN certificates a ON a.id = p.id"       \
    " STRAIGHT_JOIN subscribers s ON s.id = a.subscriber_id ORDER BY a." column ", a.id"

/* Neither ended before its time nor on hold, and nothing has taken its place. */
#define IN_USE "a.mark = 0 AND a.replaced_by IS NULL"

/* The position after a certificate, in the order of their ends. */
#define OF_CURSOR(column) "(SELECT c." column " FROM certificates c WHERE c.id = ?)"
#define AFTER_CURSOR(column) " AND a." column " >= " OF_CURSOR(column) " AND (a." column " > " OF_CURSOR(column) " OR a.id > ?)"
#define CURSOR_VALUES 3

static void bind_page(ra_value_t *values, int *pcount, const ra_report_filter_t *filter)
{
    for (int i = 0; filter->after_id && i < CURSOR_VALUES; i++) {
        values[(*pcount)++] = ra_v_uuid(filter->after_id);
    }
    values[(*pcount)++] = ra_v_int(filter->limit + 1);
}

apr_status_t ra_report_expiring(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_report_filter_t *filter)
{
    ra_value_t values[RA_SIGHT_VALUES + CURSOR_VALUES + 2];
    int count = 0;
    const char *seen = ra_sight_clause(sight, values, &count);
    const char *sql = apr_pstrcat(act->tx->pool, CERTIFICATE ", " DAYS_UNTIL("a.not_after") " AS days_left" FROM_PAGE("certificates_ending"), seen,
                                  " AND a.not_after > UTC_TIMESTAMP(6) AND a.not_after <= UTC_TIMESTAMP(6) + INTERVAL ? DAY"
                                  " AND " IN_USE,
                                  filter->after_id ? AFTER_CURSOR("not_after") : "", END_OF_PAGE("not_after"), NULL);

    values[count++] = ra_v_int(filter->days);
    bind_page(values, &count, filter);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}

/*
 * Days are counted whole, in the order of their index; what has ended today already is taken off, and of the days at the borders only what is within them added.
 * The day that is so many days away:
 */
#define DAY(days) "DATE(UTC_TIMESTAMP(6) + INTERVAL 8 HOUR + INTERVAL " days " DAY)"
#define FROM_DAYS " FROM certificates a FORCE INDEX (certificates_ends_on) WHERE a.ends_on "
/* Those that end on a day until this time of day. */
#define PART(days) FROM_DAYS "= " DAY(days) " AND a.not_after <= UTC_TIMESTAMP(6) + INTERVAL " days " DAY AND "
static const char *const calendar_parts[] = {
    "SELECT x.date AS date, DATE_FORMAT(x.date, '%x-W%v') AS week, SUM(x.count) AS count, SUM(x.within_7) AS within_7, SUM(x.within_30) AS within_30 FROM"
    " (SELECT a.ends_on AS date, COUNT(*) AS count, IF(a.ends_on < " DAY("7") ", COUNT(*), 0) AS within_7,"
    " IF(a.ends_on < " DAY("30") ", COUNT(*), 0) AS within_30" FROM_DAYS ">= " DAY("0") " AND a.ends_on < " DAY("60") " AND ",
    " GROUP BY a.ends_on UNION ALL SELECT " DAY("0") ", -COUNT(*), -COUNT(*), -COUNT(*)" PART("0"),
    " UNION ALL SELECT " DAY("7") ", 0, COUNT(*), 0" PART("7"),
    " UNION ALL SELECT " DAY("30") ", 0, 0, COUNT(*)" PART("30"),
    " UNION ALL SELECT " DAY("60") ", COUNT(*), 0, 0" PART("60"),
};
#define CALENDAR_PARTS (sizeof(calendar_parts) / sizeof(calendar_parts[0]))

/* Of the index alone, which has the region as it is written and no agency: those who read it are managers and auditors. */
static apr_status_t read_calendar(ra_json_t **prows, const ra_act_t *act, const ra_sight_t *sight)
{
    int is_regional = !sight->everything && sight->region_prefix;
    const char *seen = is_regional ? "a.region LIKE CONCAT(?, '%')" : sight->everything ? "1 = 1" : "1 = 0";
    ra_value_t values[CALENDAR_PARTS];
    const char *sql = "";
    int count = 0;

    for (size_t i = 0; i < CALENDAR_PARTS; i++) {
        sql = apr_pstrcat(act->tx->pool, sql, calendar_parts[i], seen, NULL);
        if (is_regional) {
            values[count++] = ra_v_text(sight->region_prefix);
        }
    }
    return ra_sql_rows(act->tx, prows, apr_pstrcat(act->tx->pool, sql, ") x GROUP BY x.date ORDER BY x.date", NULL), (ra_values_t){values, count});
}

static void add_total(ra_json_t *calendar, int days, const ra_json_t *rows, const char *member)
{
    ra_json_t *total = ra_json_add_object(ra_json_get_mutable(calendar, "totals"));
    apr_int64_t count = 0;

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        count += ra_json_get_int(row, member, 0);
    }
    ra_json_set_int(total, "within_days", days);
    ra_json_set_int(total, "count", count);
}

static void add_day(ra_json_t *days, const ra_json_t *row)
{
    ra_json_t *day = ra_json_add_object(days);

    ra_json_set_string(day, "date", ra_json_get_string(row, "date"));
    ra_json_set_string(day, "week", ra_json_get_string(row, "week"));
    ra_json_set_int(day, "count", ra_json_get_int(row, "count", 0));
}

apr_status_t ra_report_calendar(ra_json_t **pcalendar, const ra_act_t *act, const ra_sight_t *sight)
{
    ra_json_t *rows, *days, *calendar = ra_json_object_make(act->tx->pool);
    apr_status_t status = read_calendar(&rows, act, sight);

    *pcalendar = calendar;
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_array(calendar, "totals");
    add_total(calendar, 7, rows, "within_7");
    add_total(calendar, 30, rows, "within_30");
    add_total(calendar, 60, rows, "count");
    days = ra_json_set_array(calendar, "days");
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        if (ra_json_get_int(row, "count", 0) > 0) {
            add_day(days, row);
        }
    }
    return APR_SUCCESS;
}

apr_status_t ra_report_suspended(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_report_filter_t *filter)
{
    ra_value_t values[RA_SIGHT_VALUES + CURSOR_VALUES + 2];
    int count = 0;
    const char *seen = ra_sight_clause(sight, values, &count);
    const char *sql = apr_pstrcat(act->tx->pool,
                                  CERTIFICATE ", a.suspended_at AS suspended_at, a.suspension_until AS suspended_until,"
                                              " " DAYS_UNTIL("a.suspension_until") " AS days_left" FROM_PAGE("certificates_suspension_until"),
                                  seen, " AND a.suspension_until <= UTC_TIMESTAMP(6) + INTERVAL ? DAY",
                                  filter->after_id ? AFTER_CURSOR("suspension_until") : "", END_OF_PAGE("suspension_until"), NULL);

    values[count++] = ra_v_int(filter->days);
    bind_page(values, &count, filter);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}
