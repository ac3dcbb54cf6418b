// Forms as tables: a field is a row with its place in the request body (JSON Pointer), so that what the server says about a place
// appears at the field, and no page writes its inputs by hand.
import { computed, onScopeDispose, reactive, ref, shallowRef, watch } from 'vue'
import { i18n } from './i18n'

export type Body = Record<string, unknown>
export interface Option {
  value: string | number | boolean
  label: string
}

export interface Field {
  /** JSON Pointer into the body. */
  at: string
  label: string
  as?: 'text' | 'area' | 'number' | 'money' | 'select' | 'radio' | 'check' | 'checks' | 'date' | 'file'
  options?: () => Option[]
  hint?: string
  required?: boolean
  max?: number
  /** Shown and sent only then. */
  when?: (body: Body) => boolean
  /** What is wrong with the value while it is typed; '' when nothing is. */
  check?: (value: string, body: Body) => string
  /** What a file is when it comes as DER: the word in its lines of PEM. */
  pem?: 'CERTIFICATE' | 'CERTIFICATE REQUEST'
  /** The width of a whole row. */
  wide?: boolean
}

const parts = (pointer: string) => pointer.split('/').slice(1)

export function valueAt(body: Body, pointer: string): unknown {
  return parts(pointer).reduce<unknown>((value, name) => (value as Body | undefined)?.[name], body)
}

export function setAt(body: Body, pointer: string, value: unknown) {
  const names = parts(pointer)
  const last = names.pop() as string
  let place = body
  for (const name of names) place = (place[name] ??= {}) as Body
  place[last] = value
}

const isBlank = (value: unknown) => value === undefined || value === null || value === '' || (Array.isArray(value) && !value.length)

/** The body as it is sent: fields that are shown and filled in, beside what is not of a field. */
export function bodyOf(fields: Field[], typed: Body, rest: Body = {}): Body {
  const body = structuredClone(JSON.parse(JSON.stringify(rest))) as Body
  for (const field of fields) {
    const value = valueAt(typed, field.at)
    if ((field.when && !field.when(typed)) || isBlank(value)) continue
    setAt(body, field.at, typeof value === 'string' ? value.trim() : value)
  }
  return body
}

/**
 * A merge patch (RFC 7396) of what a person changed: what was emptied is removed.
 * @param wholes places whose members belong together and are sent together
 */
export function patchOf(fields: Field[], now: Body, before: Body, wholes: string[] = []): Body {
  const patch: Body = {}
  for (const field of fields) {
    const at = wholes.find((one) => field.at.startsWith(`${one}/`)) ?? field.at
    if (JSON.stringify(valueAt(now, at)) !== JSON.stringify(valueAt(before, at))) setAt(patch, at, valueAt(now, at) ?? null)
  }
  return patch
}

/** Places of required fields that are empty, and of fields whose value is wrong, with the words to show. */
export function faultsOf(fields: Field[], typed: Body, requiredWord: string): Record<string, string> {
  const faults: Record<string, string> = {}
  for (const field of fields) {
    if (field.when && !field.when(typed)) continue
    const value = valueAt(typed, field.at)
    if (isBlank(value)) {
      if (field.required) faults[field.at] = requiredWord
      continue
    }
    const wrong = field.check?.(String(value).trim(), typed)
    if (wrong) faults[field.at] = wrong
  }
  return faults
}

/**
 * What is wrong with a form, said from the first try on and no longer than it is wrong.
 * @param more what is wrong with the whole, by the field that says it
 */
export function useFaults(fields: () => Field[], typed: Body, more: () => Record<string, string> = () => ({})) {
  const isTried = ref(false)
  const all = computed(() => ({ ...more(), ...faultsOf(fields(), typed, i18n.global.t('common.required')) }))
  const faults = computed(() => (isTried.value ? all.value : {}))
  /** A try. @return whether nothing is wrong */
  function isRight(): boolean {
    isTried.value = true
    return !Object.keys(all.value).length
  }
  return { faults, isRight, forget: () => { isTried.value = false } }
}

const plain = (body: Body) => JSON.parse(JSON.stringify(body)) as Body
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)
const hasMembers = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What was typed, on what stands there now: where a person has changed nothing of what was, the new value counts. */
function onto(now: unknown, typed: unknown, was: unknown): unknown {
  if (isSame(typed, was)) return now
  if (!hasMembers(typed) || !hasMembers(now)) return typed
  const before = hasMembers(was) ? was : {}
  const names = new Set([...Object.keys(now), ...Object.keys(typed)])
  return Object.fromEntries([...names].map((name) => [name, onto(now[name], typed[name], before[name])]))
}

function replace(body: Body, next: Body) {
  for (const name of Object.keys(body)) if (!(name in next)) delete body[name]
  Object.assign(body, next)
}

/** The places of files: no draft keeps them. */
export const filesOf = (fields: Field[]) => fields.filter((one) => one.as === 'file').map((one) => one.at)

type Kept = { typed: Body; was: Body }
/** @param name of a draft; what stood in the fields before anything was typed; the places that are never kept: files, signatures */
export type DraftOf = [name: string, initial?: Body, secrets?: string[]]

/**
 * What a person types, kept in this tab until it is done: a reload, a lost network or a removed card loses nothing, and no other
 * person at this computer finds it later. What stands there by itself is as it is now, however old the draft is.
 */
export function useDraft(...first: DraftOf) {
  const typed = reactive<Body>({})
  const was = shallowRef<Body>({})
  const isKept = ref(false)
  let key = ''
  let hidden: string[] = []
  let stop = () => {}

  function keep() {
    const kept = plain(typed)
    for (const at of hidden) if (valueAt(kept, at) !== undefined) setAt(kept, at, undefined)
    if (isSame(kept, was.value)) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify({ typed: kept, was: was.value } satisfies Kept))
  }
  /** What stands in the fields by itself has changed meanwhile. */
  function catchUp(now: Body) {
    const next = onto(plain(now), plain(typed), was.value) as Body
    was.value = plain(now)
    replace(typed, next)
  }
  /** The form is about something else now, or begins anew. */
  function begin(...[name, initial = {}, secrets = []]: DraftOf) {
    stop()
    key = `ra.form.${name}`
    hidden = secrets
    const text = sessionStorage.getItem(key)
    const kept = text ? (JSON.parse(text) as Kept) : { typed: initial, was: initial }
    isKept.value = !!text
    was.value = plain(kept.was)
    replace(typed, plain(kept.typed))
    catchUp(initial)
    stop = watch(typed, keep, { deep: true })
  }
  /** It was sent, or is given up. */
  function done() {
    stop()
    sessionStorage.removeItem(key)
  }
  begin(...first)
  onScopeDispose(() => stop())
  return { typed, was, isKept, begin, catchUp, done }
}
