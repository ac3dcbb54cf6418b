// What a subscriber does in the form of the portal, for the tests.
import assert from 'node:assert/strict'
import { settings, subjectName } from './support.mjs'

let order = 0
export const uscc = () => settings.uscc.pop()
export const socialSecurityNumber = () => `14${process.pid}${String(Date.now()).slice(-6)}${String(++order).padStart(2, '0')}`.slice(0, 20)
const text = (page, name) => page.locator(`[data-test=${name}]`).innerText()
export const next = (page) => page.click('[data-test=next]')

export async function fillSubscriber(page, changes = {}) {
  const values = { name: subjectName(), number: socialSecurityNumber(), code: uscc(), contact: '李明', phone: '0351-7037581', ...changes }
  for (const [id, value] of Object.entries(values)) await page.fill(`#${id}`, value)
  await page.selectOption('#agency', settings.ids.agency)
  return values
}

/** From the first step to the receipt. @return what was typed, number and code */
export async function fillIn(page, { kind = 'organisation', usage = 'signing', subscriber = {} } = {}) {
  await page.selectOption('#kind', kind)
  await page.selectOption('#usage', usage)
  await next(page)
  const typed = await fillSubscriber(page, subscriber)
  await next(page)
  await page.fill('#subject', typed.name)
  await next(page)
  await page.click('[data-test=hand-in]')
  return { ...typed, ...(await receipt(page)) }
}

export async function receipt(page) {
  await page.waitForSelector('[data-test=receipt]')
  const [number, code] = [await text(page, 'number'), await text(page, 'code')].map((one) => one.replace(/\s/g, ''))
  assert.match(number, /^\d{16}$/)
  assert.match(code, /^\d{20}$/)
  return { number, code }
}
