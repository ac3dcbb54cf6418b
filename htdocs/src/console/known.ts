// A subscriber who is registered already: by the social-security number that is typed its record fills in what is still empty, so that
// nobody types an organisation's data a second time.
import { onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api, type AnswerOf } from '@/shared/api'
import { setAt, valueAt, type Body } from '@/shared/form'

export type Known = AnswerOf<'/subscribers/{id}', 'get'>

const PAUSE = 300 // ms; the number is looked for when nobody types any more
const ENDED = ['completed', 'withdrawn']
const USCC = 18 // characters

/** Places of the form with what the record says. */
function recordOf(one: Known): [string, unknown][] {
  const code = one.organisation_code
  return [
    ['/name', one.name], ['/organisation_code/type', code && (code.length === USCC ? 'uscc' : 'organisation_code')],
    ['/organisation_code/value', code], ['/id_document/type', one.id_document?.type], ['/id_document/number', one.id_document?.number],
    ['/contact/name', one.contact?.name], ['/contact/phone', one.contact?.phone], ['/contact/email', one.contact?.email],
    ['/agency_id', one.agency.id], ['/region', one.region], ['/tier', one.tier], ['/project', one.project],
  ]
}
const isEmpty = (value: unknown) => value === undefined || value === null || value === ''

/** What was filled in, place by place. The code has its type beside it: both are taken or none. */
function fillIn(subscriber: Body, one: Known): [string, unknown][] {
  const hasCode = !isEmpty(valueAt(subscriber, '/organisation_code/value'))
  const empty = recordOf(one).filter(([place, value]) => !isEmpty(value)
    && (place === '/organisation_code/type' ? !hasCode : isEmpty(valueAt(subscriber, place))))
  for (const [place, value] of empty) setAt(subscriber, place, value)
  return empty
}

/** What was filled in for another number, and nobody has changed since, goes with it. */
function takeBack(subscriber: Body, filled: [string, unknown][]) {
  for (const [place, value] of filled) {
    if (valueAt(subscriber, place) === value && place !== '/organisation_code/type') setAt(subscriber, place, undefined)
  }
}

/** The subscriber of the number in the form, if the counter may see it. */
export function useKnownSubscriber(subscriber: () => Body | undefined) {
  const known = shallowRef<Known>()
  const isLooking = ref(false)
  let filled: [string, unknown][] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let reading: AbortController | undefined

  async function look(number: string) {
    reading?.abort()
    const { signal } = (reading = new AbortController())
    isLooking.value = true
    try {
      const [found] = (await api.get('/subscribers', { query: { social_security_no: number }, signal })).data.items
      const one = found && (await api.get('/subscribers/{id}', { path: { id: found.id }, signal })).data
      if (signal.aborted) return
      const form = subscriber()
      if (!form) return
      takeBack(form, filled)
      known.value = one?.kind === form.kind ? one : undefined
      filled = known.value ? fillIn(form, known.value) : []
    } catch {
      // Who cannot be looked for is typed in, as somebody new is.
    }
    if (!signal.aborted) isLooking.value = false
  }
  watch(() => [subscriber()?.social_security_no, subscriber()?.kind], ([typed]) => {
    clearTimeout(timer)
    reading?.abort()
    known.value = undefined
    isLooking.value = false
    const number = String(typed ?? '').trim().toUpperCase()
    if (/^[0-9A-Z]{6,20}$/.test(number)) timer = setTimeout(() => void look(number), PAUSE)
  }, { immediate: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    reading?.abort()
  })
  return { known, isLooking }
}

/** What the subscriber has open: a warning before somebody enters a thing twice. */
export const openOf = (one: Known) => one.applications.items.filter((it) => !ENDED.includes(it.state))
