// The keyboard of the console: single keys where nobody types, and a barcode reader anywhere.
import { onScopeDispose } from 'vue'
import { numberIn } from '@/shared/codes'

export type Keys = Record<string, (event: KeyboardEvent) => void>

const layers: Keys[] = []

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) && !/^(checkbox|radio)$/.test((target as HTMLInputElement).type)

/** Keys that hold while the page is open; the newest page's come first. */
export function useKeys(keys: Keys) {
  layers.unshift(keys)
  onScopeDispose(() => layers.splice(layers.indexOf(keys), 1))
}

function onKey(event: KeyboardEvent) {
  if (event.altKey || event.metaKey || (event.ctrlKey && event.key !== 'Enter')) return
  const name = event.ctrlKey ? `Ctrl+${event.key}` : event.key
  if (isTyping(event.target) && !event.ctrlKey) return
  if (document.querySelector('.el-overlay:not([style*="display: none"])') && !event.ctrlKey) return
  const layer = layers.find((one) => one[name])
  if (layer) {
    layer[name](event)
    if (name !== 'Enter') event.preventDefault()
  }
}

/** A reader types a number of sixteen digits and Enter in one go; a person pauses longer between two digits (ms). */
const PAUSE = 120
const QR_DIGITS = 36 // number and code of a form filled in beforehand

function useScanner(found: (number: string) => void) {
  let digits = ''
  let last = 0
  const onScan = (event: KeyboardEvent) => {
    const fast = event.timeStamp - last < PAUSE
    last = event.timeStamp
    if (/^\d$/.test(event.key)) {
      digits = fast ? (digits + event.key).slice(-QR_DIGITS) : event.key
      return
    }
    if (event.key === 'Enter' && fast && numberIn(digits)) {
      event.preventDefault()
      event.stopImmediatePropagation()
      takeBack(event.target, digits)
      found(digits)
    }
    if (event.key !== 'Shift') digits = ''
  }
  addEventListener('keydown', onScan, true)
  onScopeDispose(() => removeEventListener('keydown', onScan, true))
}

/** The digits went into the field that had the focus: they are no part of what was typed there. */
function takeBack(target: EventTarget | null, digits: string) {
  if (!(target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) || !target.value.includes(digits)) return
  const place = target.value.lastIndexOf(digits)
  target.value = target.value.slice(0, place) + target.value.slice(place + digits.length)
  target.dispatchEvent(new Event('input', { bubbles: true }))
}

export function useConsoleKeys(found: (number: string) => void) {
  addEventListener('keydown', onKey)
  onScopeDispose(() => removeEventListener('keydown', onKey))
  useScanner(found)
}
