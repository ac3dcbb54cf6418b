// A filled-in form as lines of label and value: on the last step of the wizard in the reader's language, on paper in Chinese.
import { i18n, language } from '@/shared/i18n'
import type { PrefillBody } from './draft'
import type { Business } from './reference'

export interface Row {
  name: string
  label: string
  value: string
}

type Say = (key: string, named?: Record<string, unknown>) => string

function certificateRows(body: PrefillBody, business: Business, t: Say): Row[] {
  const isAct = business.takes.length > 0
  const years = body.validity_years ? t('prefill.yearCount', { count: body.validity_years }) : ''
  const reason = body.revocation_reason ? t(`revocation_reason.${body.revocation_reason}`) : ''
  const fault = body.token ? t(body.token.human_fault ? 'common.yes' : 'common.no') : ''
  return [
    { name: 'kind', label: t('prefill.kind'), value: t(`kind.${body.kind}`) },
    { name: 'usage', label: t('prefill.usage'), value: t(`usage.${body.usage}`) },
    { name: 'certificate', label: t('prefill.oldName'), value: body.certificate?.subject_name ?? '' },
    { name: 'serial', label: t('prefill.serial'), value: body.certificate?.serial ?? '' },
    { name: 'subject_name', label: t(isAct ? 'prefill.newName' : 'prefill.subject'), value: body.subject_name ?? '' },
    { name: 'validity_years', label: t('prefill.years'), value: years },
    { name: 'cause', label: t('prefill.cause'), value: body.cause ? t(`cause.${body.cause}`) : '' },
    { name: 'revocation_reason', label: t('prefill.reason'), value: reason },
    { name: 'token', label: t('prefill.tokenSerial'), value: body.token?.serial ?? '' },
    { name: 'purchased_on', label: t('prefill.tokenDate'), value: body.token?.purchased_on ?? '' },
    { name: 'human_fault', label: t('prefill.tokenFault'), value: fault },
  ]
}

function subscriberRows(body: PrefillBody, agencyName: string, t: Say): Row[] {
  const who = body.subscriber
  const documents = { resident_id: 'residentId', passport: 'passport', other: 'otherDocument' }
  return [
    { name: 'name', label: t(who.kind === 'person' ? 'prefill.personName' : 'prefill.organisationName'), value: who.name },
    { name: 'social_security_no', label: t('prefill.number'), value: who.social_security_no },
    {
      name: 'organisation_code', value: who.organisation_code?.value ?? '',
      label: t(who.organisation_code?.type === 'organisation_code' ? 'prefill.organisationCode' : 'prefill.uscc'),
    },
    { name: 'id_document', label: t(`prefill.${documents[who.id_document?.type ?? 'other']}`), value: who.id_document?.number ?? '' },
    { name: 'contact', label: t('prefill.contact'), value: who.contact.name },
    { name: 'phone', label: t('prefill.phone'), value: who.contact.phone },
    { name: 'email', label: t('prefill.email'), value: who.contact.email ?? '' },
    { name: 'agency', label: t('prefill.agency'), value: agencyName },
    { name: 'project', label: t('prefill.project'), value: who.project ?? '' },
  ]
}

/** @param paper in Chinese, whatever the language of the page is */
export function rowsOf(body: PrefillBody, business: Business, agencyName: string, paper = false): Row[] {
  const locale = paper ? 'zh-CN' : language.value
  const t: Say = (key, named = {}) => i18n.global.t(key, named, { locale })
  return [
    { name: 'business', label: t('prefill.business'), value: business.name[locale] },
    ...certificateRows(body, business, t),
    ...subscriberRows(body, agencyName, t),
    { name: 'note', label: t('prefill.note'), value: body.note ?? '' },
  ].filter((row) => row.value !== '')
}
