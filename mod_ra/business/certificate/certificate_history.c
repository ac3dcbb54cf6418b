/* The history of a certificate. Layer: business. */
#include "business/certificate/certificate_history.h"

#include "base/ident.h"

static apr_status_t write_audit(const ra_act_t *act, const ra_certificate_event_t *event, const char *name)
{
    ra_json_t *detail = ra_json_object_make(act->tx->pool);
    ra_audit_t audit = {.event = name, .outcome = "done", .object_type = "certificate", .object_id = event->certificate_id, .detail = detail};

    ra_json_set_string(detail, "event", event->event);
    ra_json_set_string(detail, "reason", event->reason);
    ra_json_set_string(detail, "source", event->as_the_ca_says ? "ca" : "ra");
    ra_json_set_string(detail, "application_id", event->application_id);
    return ra_audit_write(act, &audit);
}

apr_status_t ra_certificate_note(const ra_act_t *act, const ra_certificate_event_t *event, const char *audit_event)
{
    const char *id = ra_uuid_make(act->tx->pool);
    apr_status_t status = id ? ra_sql_change(act->tx, NULL,
                                             "INSERT INTO certificate_history (id, certificate_id, at, event, source, reason, application_id, detail)"
                                             " VALUES (?, ?, UTC_TIMESTAMP(6), ?, ?, ?, ?, ?)",
                                             RA_VALUES(ra_v_uuid(id), ra_v_uuid(event->certificate_id), ra_v_text(event->event),
                                                       ra_v_text(event->as_the_ca_says ? "ca" : "ra"), ra_v_text(event->reason),
                                                       ra_v_uuid(event->application_id), ra_v_json(event->detail, act->tx->pool)))
                             : APR_EGENERAL;

    return status == APR_SUCCESS && audit_event ? write_audit(act, event, audit_event) : status;
}

apr_status_t ra_certificate_history(ra_json_t **pitems, const ra_act_t *act, const char *certificate_id)
{
    return ra_sql_rows(act->tx, pitems,
                       "SELECT id AS id, at AS at, event AS event, source AS source, reason AS reason, application_id AS application_id,"
                       " detail AS `detail:json` FROM certificate_history WHERE certificate_id = ? ORDER BY id",
                       RA_VALUES(ra_v_uuid(certificate_id)));
}
