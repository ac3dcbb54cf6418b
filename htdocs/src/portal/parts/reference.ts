// What several pages of the portal read of the server: the businesses with their guide, the agencies, the telephone numbers.
// Read once per visit; a failure is not kept.
import { api, type AnswerOf } from '@/shared/api'

export type BusinessList = AnswerOf<'/businesses', 'get'>
export type Business = BusinessList['items'][number]
export type Agency = AnswerOf<'/agencies', 'get'>['items'][number]
export type Kind = 'organisation' | 'person' | 'server'
export const KINDS: Kind[] = ['organisation', 'person', 'server']

const PAGES_MAX = 20

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  return () => {
    kept ??= read().catch((error) => {
      kept = undefined
      throw error
    })
    return kept
  }
}

export const readBusinesses = once(async () => (await api.get('/businesses')).data)
export const readContacts = once(async () => (await api.get('/contacts')).data.items)

export const readAgencies = once(async () => {
  const all: Agency[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES_MAX; page++) {
    const { data } = await api.get('/agencies', { query: { limit: 200, cursor } })
    all.push(...data.items)
    cursor = data.next_cursor
    if (!cursor) break
  }
  return all.sort((one, other) => one.region.localeCompare(other.region) || one.name.localeCompare(other.name, 'zh-CN'))
})

/** The things by a word of theirs, in the order in which the words first come. */
export function grouped<T>(things: T[], wordOf: (thing: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>()
  for (const thing of things) groups.set(wordOf(thing), [...(groups.get(wordOf(thing)) ?? []), thing])
  return [...groups]
}

export const makesCertificate = (business: Business) => business.steps.some((step) => step.step === 'production')
/** What a subscriber can apply for: not what the RA does by itself. */
export const offered = (list: BusinessList) => list.items.filter((one) => !one.by_ra && kindsOf(one).length)
export const kindsOf = (business: Business) => KINDS.filter((kind) => business.materials[kind])
