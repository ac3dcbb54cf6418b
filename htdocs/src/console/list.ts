// A list as a table of columns and filters: what is the same of every list (server pages, filters in the URL, saved filters, choice of
// columns, export, keyboard) is in parts/ListView.vue once.
import type { RouteLocationRaw } from 'vue-router'
import type { Option } from '@/shared/form'

export interface Filter {
  name: string
  label: string
  options?: () => Option[]
  as?: 'text' | 'date'
  /** What an empty field says. */
  hint?: string
  /** The one that `/` goes to. */
  main?: boolean
}

export interface Column<T> {
  name: string
  label: string
  text: (item: T) => string
  /** How it is exported; as shown when absent. */
  raw?: (item: T) => string
  link?: (item: T) => RouteLocationRaw | undefined
  mono?: boolean
  tag?: (item: T) => 'primary' | 'success' | 'warning' | 'danger' | 'info'
  /** Not among the columns that one sees first. */
  extra?: boolean
}

/** How many there are of each value of a filter, under the other filters. */
export type Counts = Record<string, { key: string; count: number; more: boolean }[]>

export interface Page<T> {
  items: T[]
  next_cursor?: string
}

export interface ListSpec<T> {
  /** Under this name the browser remembers columns and filters. */
  name: string
  columns: Column<T>[]
  filters: Filter[]
  page: (query: Record<string, string>, signal?: AbortSignal) => Promise<Page<T>>
  counts?: (query: Record<string, string>, signal?: AbortSignal) => Promise<Counts>
  key: (item: T) => string
  open?: (item: T) => RouteLocationRaw
  canMark?: (item: T) => boolean
}

/** Excel runs what begins like this as a formula: it is made a text. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe
}

/** Lines of a CSV file (RFC 4180), as people see the columns. */
export function csvLines<T>(columns: Column<T>[], items: T[]): string {
  return items.map((item) => `${columns.map((one) => cell((one.raw ?? one.text)(item))).join(',')}\r\n`).join('')
}

/** The first line, behind a byte order mark: Excel then reads the Chinese. */
export const csvHead = <T>(columns: Column<T>[]) => `\ufeff${columns.map((one) => cell(one.label)).join(',')}\r\n`
