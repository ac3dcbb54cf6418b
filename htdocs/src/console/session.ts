// Who works here: read once, and again whenever the server no longer knows the person.
import { computed, ref, shallowRef } from 'vue'
import { api, ApiFailure, failureListeners, type AnswerOf } from '@/shared/api'

export type Me = AnswerOf<'/me', 'get'>

/** Refusals that mean: not this person, or not any more. The page stays, what was typed too. */
const IDENTITY = new Set(['certificate-required', 'certificate-unknown', 'certificate-disabled', 'certificate-expired', 'principal-disabled'])

export const me = shallowRef<Me>()
export const fault = shallowRef<ApiFailure>()
export const isBusy = ref(false)

export async function loadMe() {
  isBusy.value = true
  try {
    me.value = (await api.get('/me')).data
    fault.value = undefined
  } catch (error) {
    fault.value = error as ApiFailure
  }
  isBusy.value = false
}

failureListeners.add((failure) => {
  if (IDENTITY.has(failure.code)) fault.value = failure
})

export const roles = computed(() => (me.value?.roles ?? []).map((grant) => grant.role as string))
/** Does a review need the officer's own signature here, or is none taken? */
export const signedReviews = computed(() => me.value?.signed_reviews ?? 'optional')
export const hasRole = (...wanted: string[]) => wanted.some((role) => roles.value.includes(role))
