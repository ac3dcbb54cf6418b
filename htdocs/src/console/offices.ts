// Offices, for the choice in forms and the list.
import { shallowRef } from 'vue'
import { api, type AnswerOf } from '@/shared/api'

export type Office = AnswerOf<'/offices', 'get'>['items'][number]
export const offices = shallowRef<Office[]>([])

export async function loadOffices() {
  const all: Office[] = []
  let cursor: string | undefined
  do {
    const { data } = await api.get('/offices', { query: { limit: 200, cursor } })
    all.push(...data.items)
    cursor = data.next_cursor
  } while (cursor)
  offices.value = all
}
export const officeOptions = () => offices.value.map((one) => ({ value: one.id, label: `${one.name} (${one.region})` }))
