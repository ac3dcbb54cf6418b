// How times, money, regions and numbers are written for people: Asia/Shanghai on screen and paper, UTC on the wire.
import { i18n, language } from './i18n'

const ZONE = 'Asia/Shanghai'

function formatter(options: Intl.DateTimeFormatOptions) {
  return new Intl.DateTimeFormat(language.value === 'en' ? 'en-GB' : 'zh-CN', { timeZone: ZONE, hourCycle: 'h23', ...options })
}

/** The day it is there, as YYYY-MM-DD (which is how Swedish writes it). */
export function today(): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE }).format(new Date())
}

export function time(at: string | undefined): string {
  // Short enough for a row of a list; in English the short form would leave open which is the month.
  return at ? formatter({ dateStyle: language.value === 'en' ? 'medium' : 'short', timeStyle: 'short' }).format(new Date(at)) : ''
}

export function date(at: string | undefined): string {
  return at ? formatter({ dateStyle: 'medium' }).format(new Date(at)) : ''
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]]

/** "3 天前"; beside the absolute time, never instead of it. */
export function ago(at: string | undefined, now = Date.now()): string {
  if (!at) return ''
  const seconds = (Date.parse(at) - now) / 1000
  const [unit, size] = STEPS.find(([, one]) => Math.abs(seconds) >= one) ?? ['second', 1]
  return new Intl.RelativeTimeFormat(i18n.global.locale.value, { numeric: 'auto' }).format(Math.round(seconds / size), unit)
}

/** How long something takes or has waited, in its largest unit. */
export function duration(seconds: number): string {
  const [unit, size] = STEPS.find(([, one]) => seconds >= one) ?? ['second', 1]
  return new Intl.NumberFormat(i18n.global.locale.value, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.floor(seconds / size))
}

/** 分 as 元. */
export function money(fen: number | undefined): string {
  if (fen === undefined) return ''
  return new Intl.NumberFormat(language.value === 'en' ? 'en-GB' : 'zh-CN', { style: 'currency', currency: 'CNY' }).format(fen / 100)
}

/** Hexadecimal in groups of four, to be read aloud. */
export function groups(text: string, size = 4): string {
  return text.replace(new RegExp(`(.{${size}})(?=.)`, 'g'), '$1 ')
}

export function bytes(size: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let step = 0
  while (size >= 1024 && step < units.length - 1) {
    size /= 1024
    step++
  }
  return `${step ? size.toFixed(1) : size} ${units[step]}`
}
