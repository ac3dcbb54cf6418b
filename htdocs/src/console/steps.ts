// The form of each step, as tables of fields (domain.md §3-§8). Which steps a business has, who does them and with what materials comes
// from the server's table; here is what a person writes down at a step.
import { computed } from 'vue'
import type { AnswerOf } from '@/shared/api'
import type { Body, Field, Option } from '@/shared/form'
import { i18n, word } from '@/shared/i18n'
import { isResidentId } from '@/shared/codes'
import type { Business } from './businesses'

export type Application = AnswerOf<'/applications/{id}', 'get'>

export interface StepContext {
  application: Application
  business: Business
}

export interface StepForm {
  /** Last part of the address. */
  path: string
  fields: (context: StepContext) => Field[]
  initial?: (context: StepContext) => Body
  /** Members that no field has. */
  rest?: (context: StepContext, typed: Body) => Body
  /** Does it decide, with a reason when it rejects? */
  decides?: boolean
  hasMaterials?: boolean
  /** May be signed with the officer's own card. */
  signs?: boolean
}

const t = (key: string, values: Record<string, unknown> = {}) => i18n.global.t(key, values)
const label = (name: string) => t(`field.${name}`)
const options = (area: string, values: string[]): Option[] => values.map((value) => ({ value, label: word(area, value) }))

const isRejected = (body: Body) => body.decision === 'reject'
const isDone = (body: Body) => body.decision !== undefined && body.decision !== 'reject'

function decision(yes: string): Field[] {
  return [{ at: '/decision', label: label('decision'), as: 'radio', required: true, wide: true,
    options: () => options('decision', [yes, 'reject']) }]
}
const reasons: () => Field[] = () => [
  { at: '/reason', label: label('reason'), as: 'area', required: true, when: isRejected },
  { at: '/guidance', label: label('guidance'), as: 'area', required: true, when: isRejected, hint: t('step.guidanceHint') },
]
const note = (at: string): Field => ({ at, label: label(at === '/note' ? 'note' : 'remarks'), as: 'area' })
const tick = (at: string, name: string): Field => ({ at, label: label(name), as: 'check' })

const payment = (name: string, is: string[], more: Partial<Field> = {}): Field => ({
  at: `/payment/${name}`, label: label(name), required: true, max: 64,
  when: (body) => isDone(body) && is.includes((body.payment as Body | undefined)?.method as string), ...more,
})

function paymentFields({ business }: StepContext): Field[] {
  if (!business.fee) return []
  return [
    { at: '/payment/method', label: label('payment_method'), as: 'radio', required: true, wide: true, when: isDone,
      options: () => options('payment', ['cash', 'card', 'wire', 'waived']) },
    payment('amount', ['cash', 'card', 'wire', 'waived'], { as: 'money' }),
    payment('receipt_number', ['cash', 'card']),
    payment('voucher_number', ['wire']),
    payment('waiver_reason', ['waived'], { as: 'area', max: 500 }),
  ]
}

const lines = (text: unknown) => String(text ?? '').split(/[\s,;，；]+/).filter(Boolean)
const makesCertificate = ({ business }: StepContext) => business.steps.some((one) => one.step === 'production')

function subjectFields(context: StepContext): Field[] {
  const at = (name: string, max: number, required = false): Field =>
    ({ at: `/certificate/subject/${name}`, label: label(name), max, required })
  const isServer = context.application.kind === 'server'
  const keys = ['ec_p256', 'rsa', ...(context.application.usage === 'pair' ? [] : ['sm2'])] // no pairs of SM2
  return [
    at('common_name', 64, true), at('organization', 64), at('organizational_unit', 64), at('locality', 128), at('state_or_province', 128),
    at('country', 2),
    { at: '/certificate/validity_years', label: label('validity_years'), as: 'number', required: true },
    { at: '/certificate/key_algorithms', label: label('key_algorithms'), as: 'checks', required: true,
      options: () => options('key', keys) },
    ...(isServer ? [{ at: '/dns_lines', label: label('dns_names'), as: 'area', hint: t('step.linesHint') } as Field,
      { at: '/ip_lines', label: label('ip_addresses'), as: 'area', hint: t('step.linesHint') } as Field] : []),
  ]
}

function enteredBefore({ application }: StepContext): Body {
  const before = (application.steps.entry as Body | undefined)?.certificate as Body | undefined
  if (before) return { certificate: before, dns_lines: lines(before.dns_names).join('\n'), ip_lines: lines(before.ip_addresses).join('\n') }
  const holder = application.kind === 'person' ? {} : { organization: application.subscriber.name }
  const subject = { common_name: application.subject_name, ...holder, state_or_province: '山西省', country: 'CN' }
  return { certificate: { subject, validity_years: application.validity_years, key_algorithms: ['ec_p256', 'rsa'] } }
}

/** Certificate data that are texts in the form and lists in the body. */
function entryRest(context: StepContext, typed: Body): Body {
  const names = context.application.kind === 'server' ? { dns_names: lines(typed.dns_lines), ip_addresses: lines(typed.ip_lines) } : {}
  const filled = Object.fromEntries(Object.entries(names).filter(([, list]) => list.length))
  return makesCertificate(context) ? { certificate: filled } : {}
}

const isResident = (body: Body) => ((body.recipient as Body | undefined)?.id_document as Body | undefined)?.type === 'resident_id'

/** The steps that are forms; making the certificate has a panel of its own (parts/ProductionPanel.vue). */
export const STEP_FORMS: Record<string, StepForm> = {
  agency_decision: {
    path: 'agency-decision', decides: true,
    fields: () => [...decision('approve'), { at: '/filing_number', label: label('filing_number'), required: true, max: 64, when: isDone },
      ...reasons()],
  },
  acceptance: {
    path: 'acceptance', decides: true, hasMaterials: true,
    initial: () => ({ decision: 'accept' }),
    fields: (context) => [
      ...decision('accept'), ...paymentFields(context),
      ...(context.business.tells_void ? [{ ...tick('/subscriber_told', 'subscriber_told'), when: isDone, wide: true }] : []),
      ...reasons(), note('/note'),
    ],
    rest: (_context, typed) => ({
      materials: Object.entries((typed.checklist ?? {}) as Record<string, Body>)
        .map(([material, marks]) => ({ material, received: false, ...marks })),
    }),
  },
  entry: {
    path: 'entry',
    initial: (context) => (makesCertificate(context) ? enteredBefore(context) : {}),
    fields: (context) => [...(makesCertificate(context) ? subjectFields(context) : []), note('/note')],
    rest: entryRest,
  },
  review: {
    path: 'review', decides: true, signs: true,
    fields: () => [...decision('approve'), ...reasons(), note('/note')],
    rest: ({ application }, typed) => ({
      ...(application.snapshot_sha256 ? { snapshot_sha256: application.snapshot_sha256 } : {}),
      ...(typed.signature ? { signature: typed.signature } : {}),
    }),
  },
  handover: {
    path: 'handover',
    initial: ({ application }) => ({ inspection: { passed: false, subject_checked: false, validity_checked: false, key_checked: false },
      recipient: { name: application.subscriber.contact.name } }),
    fields: () => [
      tick('/inspection/subject_checked', 'subject_checked'), tick('/inspection/validity_checked', 'validity_checked'),
      tick('/inspection/key_checked', 'key_checked'),
      tick('/inspection/passed', 'inspection_passed'), { at: '/recipient/name', label: label('recipient'), required: true, max: 50 },
      { at: '/recipient/id_document/type', label: label('id_type'), as: 'select',
        options: () => options('id_document', ['resident_id', 'passport', 'other']) },
      {
        at: '/recipient/id_document/number', label: label('id_number'), max: 32, required: true,
        when: (body) => !!((body.recipient as Body | undefined)?.id_document as Body | undefined)?.type,
        check: (value, body) => (isResident(body) && !isResidentId(value) ? t('check.resident_id') : ''),
      },
      note('/remarks'),
    ],
  },
  operation: {
    path: 'operation',
    initial: () => ({ token_present: false, identity_checked: false, seal_present: false }),
    fields: () => [
      { at: '/token_serial', label: label('token_serial'), required: true, max: 64 },
      tick('/token_present', 'token_present'), tick('/identity_checked', 'identity_checked'), tick('/seal_present', 'seal_present'),
      note('/remarks'),
    ],
  },
  registration: {
    path: 'registration',
    fields: () => [{ at: '/register', label: label('register'), required: true, max: 100 },
      { at: '/token_serial', label: label('token_serial'), max: 64 }, note('/remarks')],
  },
  archive: {
    path: 'archive',
    initial: () => ({ electronic_checked: false, paper_complete: false, form_copies: [1, 2] }),
    fields: () => [
      tick('/electronic_checked', 'electronic_checked'), tick('/paper_complete', 'paper_complete'),
      { at: '/form_copies', label: label('form_copies'), as: 'checks', required: true,
        options: () => [1, 2, 3].map((value) => ({ value, label: t('field.copy', { copy: value }) })) },
      { at: '/box_number', label: label('box_number'), max: 32 }, { at: '/cabinet', label: label('cabinet'), max: 32 }, note('/remarks'),
    ],
  },
  completion: {
    path: 'completion',
    fields: () => [{ at: '/summary', label: label('summary'), as: 'area', required: true }, note('/remarks')],
  },
  withdrawal: {
    path: 'withdrawal',
    fields: () => [{ at: '/reason', label: label('withdrawal_reason'), as: 'area', required: true }],
  },
}

/** Where the next step stands, and why the caller may not do it: the separation rule in words. */
export function useObstacle(context: () => StepContext | undefined, myId: () => string | undefined, myRoles: () => string[]) {
  return computed(() => {
    const now = context()
    if (!now) return undefined
    const step = now.business.steps.find((one) => one.state === now.application.state)
    if (!step || now.application.next_steps.includes(step.step)) return undefined
    return obstacle(now, step, myId(), myRoles())
  })
}

type Record_ = { by?: { id: string; name: string } }
const handOf = ({ steps }: { steps: unknown }, step: string) => {
  const records = steps as Record<string, Record_>
  return (records[step === 'production' ? 'codes' : step] ?? records[step])?.by
}

function obstacle({ application, business }: StepContext, step: Business['steps'][number], me: string | undefined, roles: string[]) {
  if (!step.roles.length) return { key: 'waits', step: step.step }
  if (!step.roles.some((role) => roles.includes(role))) return { key: 'role', step: step.step, roles: step.roles as string[] }
  for (const pair of business.separate_hands) {
    const other = pair.find((one) => one !== step.step)
    if (pair.includes(step.step) && other && handOf(application, other)?.id === me) return { key: 'hands', step: step.step, other }
  }
  if (step.same_hand) return { key: 'same', step: step.step, other: step.same_hand, name: handOf(application, step.same_hand)?.name }
  return { key: 'other', step: step.step }
}
