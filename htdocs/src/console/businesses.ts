// The table of businesses, as the server runs it: names, materials, steps with their roles, pairs of steps for two hands.
// All pages of the console are driven by it; no page knows a business by name.
import { computed, shallowRef } from 'vue'
import { api, type AnswerOf } from '@/shared/api'
import { say } from '@/shared/i18n'

export type Business = AnswerOf<'/businesses', 'get'>['items'][number]
export type BusinessStep = Business['steps'][number]

export const businesses = shallowRef<Business[]>([])
/** What the counter can begin: not what the RA opens by itself. */
export const offered = computed(() => businesses.value.filter((one) => !one.by_ra))

let reading: Promise<Business[]> | undefined
export function loadBusinesses(): Promise<Business[]> {
  reading ??= api.get('/businesses').then(
    ({ data }) => (businesses.value = data.items),
    (error) => {
      reading = undefined
      throw error
    },
  )
  return reading
}

export const businessOf = (name: string) => businesses.value.find((one) => one.business === name)
export const businessName = (name: string) => say(businessOf(name)?.name) || name

/** The name of a step, out of any business that has it. */
export function stepName(step: string): string {
  for (const business of businesses.value) {
    const found = business.steps.find((one) => one.step === step)
    if (found) return say(found.name)
  }
  return step
}
