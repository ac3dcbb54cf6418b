// Number and code of a form that was handed in. The server shows the code once: it is kept for this tab, so that a reload does not lose it.
import type { AnswerOf } from '@/shared/api'
import type { PrefillBody } from './draft'

export type Receipt = AnswerOf<'/prefills', 'post'> & { body: PrefillBody; agencyName: string }

const PLACE = 'ra.receipt'
let current: Receipt | undefined

export function keepReceipt(receipt: Receipt) {
  current = receipt
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(receipt))
  } catch {
    // a browser without storage: it lives as long as the page
  }
}

export function recallReceipt(): Receipt | undefined {
  if (current) return current
  try {
    const text = sessionStorage.getItem(PLACE)
    return text ? (JSON.parse(text) as Receipt) : undefined
  } catch {
    return undefined
  }
}

export function forgetReceipt() {
  current = undefined
  try {
    sessionStorage.removeItem(PLACE)
  } catch {
    // nothing was kept
  }
}
