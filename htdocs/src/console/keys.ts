// The keyboard of the console: single keys where nobody types, and a barcode reader anywhere.
import { onScopeDispose } from 'vue'
import { numberIn } from '@/shared/codes'

export type Keys = Record<string, (event: KeyboardEvent) => void>

const layers: Keys[] = []

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
    && !/^(checkbox|radio)$/.test((target as HTMLInputElement).type)

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

type Control = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement
const isControl = (target: EventTarget | null): target is Control => target instanceof HTMLElement
  && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)

function useScanner(found: (number: string) => void) {
  let digits = ''
  let last = 0
  let giveBack = () => {}
  const onScan = (event: KeyboardEvent) => {
    const fast = event.timeStamp - last < PAUSE
    last = event.timeStamp
    if (/^\d$/.test(event.key)) {
      if (!fast || !digits) giveBack = keeper(event.target)
      digits = fast ? (digits + event.key).slice(-QR_DIGITS) : event.key
      return
    }
    if (event.key === 'Enter' && fast && numberIn(digits)) {
      event.preventDefault()
      event.stopImmediatePropagation()
      giveBack()
      found(digits)
    }
    if (event.key !== 'Shift') digits = ''
  }
  addEventListener('keydown', onScan, true)
  onScopeDispose(() => removeEventListener('keydown', onScan, true))
}

/**
 * The digits of a reader go into the field that has the focus (as many as it holds, or they choose in a list): they are no part of what
 * was typed there. @return puts back what the field holds now
 */
function keeper(target: EventTarget | null): () => void {
  if (!isControl(target)) return () => {}
  const before = target.value
  return () => {
    if (target.value === before) return
    target.value = before
    for (const what of ['input', 'change']) target.dispatchEvent(new Event(what, { bubbles: true }))
  }
}

export function useConsoleKeys(found: (number: string) => void) {
  addEventListener('keydown', onKey)
  onScopeDispose(() => removeEventListener('keydown', onKey))
  useScanner(found)
}
