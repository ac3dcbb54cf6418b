// Deciding about several applications at once: where they stand, whose work it is, and what is written down for all of them.
import type { Field } from '@/shared/form'
import { i18n } from '@/shared/i18n'

export interface BulkDecision {
  step: string
  state: string
  roles: string[]
  path: '/bulk/agency-decisions' | '/bulk/reviews'
  /** What a consent needs; a rejection has its reason and what to do. */
  consents: () => Field[]
}

const { t } = i18n.global

export const BULK_DECISIONS: BulkDecision[] = [
  { step: 'agency_decision', state: 'awaiting_agency', roles: ['agency'], path: '/bulk/agency-decisions',
    consents: () => [{ at: '/filing_number', label: t('field.filing_number'), required: true, max: 64, hint: t('bulk.filingHint') }] },
  { step: 'review', state: 'awaiting_review', roles: ['review_officer'], path: '/bulk/reviews', consents: () => [] },
]
export const rejects = (): Field[] => [
  { at: '/reason', label: t('field.reason'), as: 'area', required: true },
  { at: '/guidance', label: t('field.guidance'), as: 'area', required: true },
]
