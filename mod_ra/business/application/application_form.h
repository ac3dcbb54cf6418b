/*
 * The form of an application: what a submitter says, made ready for the columns. Layer: business, private to application_*.c, subscriber.c and prefill.c.
 */
#ifndef RA_BUSINESS_APPLICATION_FORM_H
#define RA_BUSINESS_APPLICATION_FORM_H

#include "business/application/application.h"

/** Columns that come from the form. */
typedef struct ra_form_t {
    const ra_business_t *business;
    ra_kind_e kind;
    const char *usage;
    const char *subject_name;
    const char *subject_key;
    int validity_years;
    const char *note;
    const char *target_id;
    ra_json_t *particulars;   /* NULL: none */
    const char *region;
    const char *agency_id;
    const char *social_security_no;
    const char *subscriber_kind;
    const char *subscriber_name;
    const char *subscriber_key;
    const char *organisation_code;
    ra_json_t *applicant;     /* without what is sealed */
    ra_bytes_t personal_sealed;
    const unsigned char *id_number_hash; /* NULL: none */
    const unsigned char *phone_hash;
    const char *phone;        /* by which the subscriber is found */
    const char *email;        /* NULL: none */
} ra_form_t;

/**
 * Reads a checked form for the application @a id: cleans names, refuses deceptive ones, separates and seals the personal identifiers, checks the agency.
 * RA_EREFUSED as ra_application_submit() says.
 */
apr_status_t ra_form_read(ra_form_t *form, const ra_act_t *act, const char *id, const ra_json_t *body);

/** Unseals the personal identifiers {id_number, phone, email}. */
apr_status_t ra_form_personal(ra_json_t **ppersonal, const ra_act_t *act, const ra_application_t *application);

#endif
