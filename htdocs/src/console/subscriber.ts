// The fields of a subscriber in an application, with the checks of §2 while one types.
import { shallowRef } from 'vue'
import { api, type AnswerOf } from '@/shared/api'
import { isOrganisationCode, isResidentId, isUscc } from '@/shared/codes'
import type { Body, Field } from '@/shared/form'
import { i18n, word } from '@/shared/i18n'

const t = (key: string) => i18n.global.t(key)
const label = (name: string) => t(`field.${name}`)
const options = (area: string, values: string[]) => () => values.map((value) => ({ value, label: word(area, value) }))

type Agency = AnswerOf<'/agencies', 'get'>['items'][number]
export const agencies = shallowRef<Agency[]>([])

export async function loadAgencies() {
  if (agencies.value.length) return
  const all: Agency[] = []
  let cursor: string | undefined
  do {
    const { data } = await api.get('/agencies', { query: { limit: 200, cursor } })
    all.push(...data.items)
    cursor = data.next_cursor
  } while (cursor)
  agencies.value = all
}

const of = (body: Body) => (body.subscriber ?? {}) as Body
const isOrganisation = (body: Body) => of(body).kind === 'organisation'
const isPerson = (body: Body) => of(body).kind === 'person'

export function checkOrganisationCode(value: string, body: Body): string {
  const type = (of(body).organisation_code as Body | undefined)?.type
  if (type === 'uscc' && !isUscc(value)) return t('check.uscc')
  if (type === 'organisation_code' && !isOrganisationCode(value)) return t('check.organisation_code')
  return ''
}
export function checkIdDocument(value: string, body: Body): string {
  return (of(body).id_document as Body | undefined)?.type === 'resident_id' && !isResidentId(value) ? t('check.resident_id') : ''
}
export const checkPhone = (value: string) => (/^\+?[0-9][0-9 -]{4,19}$/.test(value) ? '' : t('check.phone'))
const checkRegion = (value: string) => (/^\d{6}$/.test(value) ? '' : t('check.region'))
const checkSocialSecurity = (value: string) => (/^[0-9A-Za-z-]{4,32}$/.test(value) ? '' : t('check.social_security_no'))

/** @param fixed what a correction cannot change */
export function subscriberFields(fixed = false): Field[] {
  const at = (name: string) => `/subscriber/${name}`
  const first: Field[] = fixed ? [] : [
    { at: at('kind'), label: label('subscriber_kind'), as: 'radio', required: true,
      options: options('subscriber', ['organisation', 'person']) },
    { at: at('social_security_no'), label: label('social_security_no'), required: true, max: 32, check: checkSocialSecurity },
  ]
  return [
    ...first,
    { at: at('name'), label: label('name'), required: true, max: 100 },
    { at: at('organisation_code/type'), label: label('organisation_code_type'), as: 'select', required: true, when: isOrganisation,
      options: options('code', ['uscc', 'organisation_code']) },
    { at: at('organisation_code/value'), label: label('organisation_code'), required: true, max: 18, when: isOrganisation,
      check: checkOrganisationCode },
    { at: at('id_document/type'), label: label('id_type'), as: 'select', required: true, when: isPerson,
      options: options('id_document', ['resident_id', 'passport', 'other']) },
    { at: at('id_document/number'), label: label('id_number'), required: true, max: 32, when: isPerson, check: checkIdDocument },
    { at: at('contact/name'), label: label('contact_name'), required: true, max: 50 },
    { at: at('contact/phone'), label: label('phone'), required: true, max: 20, check: checkPhone },
    { at: at('contact/email'), label: label('email'), max: 254 },
    { at: at('agency_id'), label: label('agency'), as: 'select', required: true,
      options: () => agencies.value.map((one) => ({ value: one.id, label: `${one.name} (${one.region})` })) },
    { at: at('region'), label: label('region'), required: true, max: 6, check: checkRegion, hint: t('check.regionHint') },
    { at: at('tier'), label: label('tier'), as: 'select', options: options('tier', ['province', 'city', 'township']) },
    { at: at('project'), label: label('project'), max: 100 },
  ]
}
