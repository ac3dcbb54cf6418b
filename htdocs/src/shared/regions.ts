// The province and its cities, for lists that are grouped by city and for what is read instead of a code: from the server's table.
import { shallowRef } from 'vue'
import { api } from './api'
import { say, type Texts } from './i18n'

const cities = shallowRef(new Map<string, Texts>())

let reading: Promise<void> | undefined
/** Reads the table once per visit. A failure is not kept, and costs the names alone: codes stay. */
export function loadRegions(): Promise<void> {
  reading ??= api.get('/regions').then(
    ({ data }) => { cities.value = new Map(data.items.map((one) => [one.code, one.name])) },
    () => { reading = undefined },
  )
  return reading
}

/** The cities (four digits) with their names, as far as they have been read. */
export const allCities = (): [string, Texts][] => [...cities.value].filter(([code]) => code.length === 4)

/** The city of a region code; the code itself where the table has none. */
export function cityOf(region: string): Texts {
  return cities.value.get(region.slice(0, 4)) ?? { 'zh-CN': region, en: region }
}

/** A region for reading: its city, and the code that tells the county too. */
export function regionText(region: string): string {
  const city = say(cityOf(region))
  return city === region ? region : `${city} ${region}`
}
