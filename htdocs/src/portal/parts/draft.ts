// The form of the wizard as it is typed, kept in the browser until it is handed in; what of it is sent, and what can be said of it
// before it is sent. The server checks everything again.
import type { BodyOf } from '@/shared/api'
import { isOrganisationCode, isResidentId, isUscc } from '@/shared/codes'
import { forget, recall, remember } from '@/shared/storage'
import { makesCertificate, type Agency, type Business, type Kind } from './reference'

export type PrefillBody = BodyOf<'/prefills', 'post'>

export interface Draft {
  business: string
  kind: Kind | ''
  usage: 'signing' | 'encryption' | 'pair'
  validityYears: number
  subjectName: string
  oldName: string
  serial: string
  cause: '' | 'lost' | 'damaged' | 'changed'
  reason: '' | 'unspecified' | 'key_compromise' | 'affiliation_changed' | 'superseded' | 'cessation_of_operation'
  tokenSerial: string
  tokenDate: string
  tokenFault: boolean
  holder: 'organisation' | 'person'
  name: string
  number: string
  codeType: 'uscc' | 'organisation_code'
  code: string
  documentType: 'resident_id' | 'passport' | 'other'
  document: string
  contactName: string
  phone: string
  email: string
  agency: string
  project: string
  note: string
}

export const emptyDraft = (): Draft => ({
  business: 'issue', kind: '', usage: 'signing', validityYears: 1, subjectName: '', oldName: '', serial: '', cause: '', reason: '',
  tokenSerial: '', tokenDate: '', tokenFault: false, holder: 'organisation', name: '', number: '', codeType: 'uscc', code: '',
  documentType: 'resident_id', document: '', contactName: '', phone: '', email: '', agency: '', project: '', note: '',
})

// --- autosave ---

const PLACE = 'prefill'
const DAYS = 7

interface Kept {
  at: number
  step: number
  draft: Draft
}

/** What has lain for too long is taken out of the browser, too: it is personal, and the next person may sit there. */
export function recallDraft(): Kept | undefined {
  const kept = recall<Kept>(PLACE)
  if (!kept?.draft || !(Date.now() - kept.at <= DAYS * 86_400_000)) {
    forgetDraft()
    return undefined
  }
  return { ...kept, draft: { ...emptyDraft(), ...kept.draft } }
}

export const keepDraft = (draft: Draft, step: number) => remember(PLACE, { at: Date.now(), step, draft } satisfies Kept)
export const forgetDraft = () => forget(PLACE)

// --- the body ---

const clean = (text: string) => text.trim() || undefined
const packed = (text: string) => text.toUpperCase().replace(/\s/g, '')
const capitals = (text: string) => clean(packed(text))
const identityOf = (draft: Draft) => (draft.documentType === 'resident_id' ? packed(draft.document) : draft.document.trim())

function aboutCertificate(draft: Draft, business: Business): Partial<PrefillBody> {
  if (!business.takes.length) return { subject_name: clean(draft.subjectName) }
  const serial = capitals(draft.serial)
  return {
    certificate: { subject_name: draft.oldName.trim(), ...(serial ? { serial } : {}) },
    ...(business.changes_name && clean(draft.subjectName) ? { subject_name: clean(draft.subjectName) } : {}),
  }
}

function asked(draft: Draft, business: Business): Partial<PrefillBody> {
  return {
    ...(business.asks.includes('cause') && draft.cause ? { cause: draft.cause } : {}),
    ...(business.asks.includes('revocation_reason') && draft.reason ? { revocation_reason: draft.reason } : {}),
    ...(business.asks.includes('token')
      ? { token: { serial: draft.tokenSerial.trim(), purchased_on: draft.tokenDate, human_fault: draft.tokenFault } }
      : {}),
  }
}

/** What is handed in; whoever holds the certificate says which of the identifiers belong to it. */
export function bodyOf(draft: Draft, business: Business, agency: Agency): PrefillBody {
  const isPerson = draft.holder === 'person'
  const email = clean(draft.email)
  const project = clean(draft.project)
  const note = clean(draft.note)
  return {
    business: draft.business,
    kind: draft.kind as Kind,
    usage: draft.usage,
    ...(makesCertificate(business) ? { validity_years: draft.validityYears } : {}),
    ...aboutCertificate(draft, business),
    ...asked(draft, business),
    subscriber: {
      kind: draft.holder,
      name: draft.name.trim(),
      social_security_no: packed(draft.number),
      ...(isPerson
        ? { id_document: { type: draft.documentType, number: identityOf(draft) } }
        : { organisation_code: { type: draft.codeType, value: packed(draft.code) } }),
      contact: { name: draft.contactName.trim(), phone: draft.phone.trim(), ...(email ? { email } : {}) },
      region: agency.region,
      agency_id: agency.id,
      ...(project ? { project } : {}),
    },
    ...(note ? { note } : {}),
  } as PrefillBody
}

// --- checks while typing ---

/** Keys of messages (prefill.…) by JSON Pointer of the body. */
export type Errors = Record<string, string>

export function isGoodCode(draft: Draft): boolean {
  const code = draft.code.replace(/\s/g, '')
  return draft.codeType === 'uscc' ? isUscc(code) : isOrganisationCode(code)
}

/** Only of what is long enough to be judged: nobody is scolded while still typing. */
export function codeError(draft: Draft): string {
  const length = draft.code.replace(/[\s-]/g, '').length
  const whole = draft.codeType === 'uscc' ? 18 : 9
  if (length < whole) return ''
  return isGoodCode(draft) ? '' : 'wrongCheck'
}

export const isGoodDocument = (draft: Draft) => draft.documentType !== 'resident_id' || isResidentId(packed(draft.document))

export function documentError(draft: Draft): string {
  return packed(draft.document).length < 18 || isGoodDocument(draft) ? '' : 'wrongCheck'
}

const isNumber = (text: string) => /^[0-9A-Z]{6,20}$/.test(packed(text))
const isSerial = (text: string) => /^[0-9A-F]{2,64}$/.test(packed(text))
const isPhone = (text: string) => /^\+?[0-9][0-9 -]{4,19}$/.test(text.trim())
const isEmail = (text: string) => /^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$/.test(text.trim())

function businessErrors(draft: Draft, business: Business | undefined): Errors {
  return { ...(business ? {} : { '/business': 'required' }), ...(draft.kind ? {} : { '/kind': 'required' }) }
}

function subscriberErrors(draft: Draft): Errors {
  const errors: Errors = {}
  const demand = (pointer: string, text: string, good: boolean, key: string) => {
    if (!text.trim()) errors[pointer] = 'required'
    else if (!good) errors[pointer] = key
  }
  demand('/subscriber/name', draft.name, true, '')
  demand('/subscriber/social_security_no', draft.number, isNumber(draft.number), 'wrongNumber')
  if (draft.holder === 'organisation') demand('/subscriber/organisation_code/value', draft.code, isGoodCode(draft), 'wrongCheck')
  else demand('/subscriber/id_document/number', draft.document, isGoodDocument(draft), 'wrongCheck')
  demand('/subscriber/contact/name', draft.contactName, true, '')
  demand('/subscriber/contact/phone', draft.phone, isPhone(draft.phone), 'wrongPhone')
  if (draft.email.trim() && !isEmail(draft.email)) errors['/subscriber/contact/email'] = 'wrongEmail'
  demand('/subscriber/agency_id', draft.agency, true, '')
  return errors
}

function certificateErrors(draft: Draft, business: Business): Errors {
  const errors: Errors = {}
  const demand = (pointer: string, text: string) => { if (!text.trim()) errors[pointer] = 'required' }
  if (business.takes.length) demand('/certificate/subject_name', draft.oldName)
  else demand('/subject_name', draft.subjectName)
  if (business.takes.length && draft.serial.trim() && !isSerial(draft.serial)) errors['/certificate/serial'] = 'wrongSerial'
  if (business.asks.includes('cause')) demand('/cause', draft.cause)
  if (business.asks.includes('revocation_reason')) demand('/revocation_reason', draft.reason)
  if (business.asks.includes('token')) {
    demand('/token/serial', draft.tokenSerial)
    demand('/token/purchased_on', draft.tokenDate)
  }
  return errors
}

/** What is wrong or missing in a step (0 business, 1 subscriber, 2 certificate). */
export function errorsOf(draft: Draft, step: number, business: Business | undefined): Errors {
  if (step === 0) return businessErrors(draft, business)
  if (step === 1) return subscriberErrors(draft)
  return step === 2 && business ? certificateErrors(draft, business) : {}
}

/** In which step a field of the body stands. */
export function stepOf(pointer: string): number {
  if (pointer.startsWith('/subscriber')) return 1
  return ['/business', '/kind', '/usage'].includes(pointer) ? 0 : 2
}
