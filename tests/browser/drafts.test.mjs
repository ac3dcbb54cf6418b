// Nothing that is typed is lost by a reload: each form has it again, on what stands there now; what is sent, and files, leave nothing.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { field, isNow, open, pick, press, standing, step, steps, type } from './acts.mjs'
import { caller, finish, rests, settings, visit } from './support.mjs'

const typedAt = (page, at) => field(page, at).locator('input, textarea').last().inputValue()
const drafts = (page) => page.evaluate(() => Object.entries({ ...sessionStorage }).filter(([name]) => name.startsWith('ra.form.')))
/** What was typed a moment ago is kept, and the page is read anew. */
async function reload(page, text) {
  await page.waitForFunction((wanted) => JSON.stringify({ ...sessionStorage }).includes(wanted), text)
  await page.reload()
  await rests(page)
}

/** Somebody else corrects the application meanwhile. */
async function corrects(role, id, patch) {
  const api = await caller(role)
  const { etag } = await api.call('GET', `/applications/${id}`)
  await api.call('PATCH', `/applications/${id}`, patch, etag, 'application/merge-patch+json')
  await api.close()
}

test('what was typed at a step is there after a reload, and sent it is gone', async () => {
  const { id } = await standing('agency')
  const page = await open('acceptor', id)
  await press(page, 'all-materials')
  await pick(page, '/payment/method', '现金')
  await type(page, '/payment/amount', '110')
  await type(page, '/payment/receipt_number', `SJ-${id}`)
  await reload(page, `SJ-${id}`)
  assert.equal(await typedAt(page, '/payment/amount'), '110')
  assert.ok(await page.locator('[data-material=application_form] input').first().isChecked())
  await press(page, 'do-acceptance')
  await isNow(page, '待录入')
  assert.deepEqual(await drafts(page), [])
  await finish()
})

test('a correction is there after a reload, on what somebody else has corrected meanwhile', async () => {
  const { id } = await standing()
  const page = await open('acceptor', id)
  await press(page, 'choose-edit')
  await type(page, '/subscriber/contact/phone', '13835100001')
  await corrects('entry_officer', id, { note: '已电话联系' })
  await reload(page, '13835100001')
  await press(page, 'choose-edit')
  assert.equal(await typedAt(page, '/subscriber/contact/phone'), '13835100001')
  assert.equal(await typedAt(page, '/note'), '已电话联系', 'what was not touched is as it is now')
  await press(page, 'do-correction')
  await page.locator('[data-test=said]').waitFor()
  assert.deepEqual(await drafts(page), [])
  await finish()
})

test('what was typed at a step that came again is no part of it, and a signature is never kept', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry')
  const page = await open('review_officer', id)
  await pick(page, '/decision', '退回')
  await type(page, '/reason', '打了一半的原因')
  await press(page, 'sign')
  await page.locator('#signature-file').setInputFiles({ name: 'review.p7s', mimeType: 'application/pkcs7-signature', buffer: Buffer.from('signed') })
  await page.locator('[data-test=signed]').waitFor()
  await type(page, '/guidance', '打了一半的指引')
  await reload(page, '打了一半的指引')
  assert.equal(await typedAt(page, '/reason'), '打了一半的原因')
  assert.equal(await page.locator('[data-test=signed]').count(), 0)
  assert.ok(!JSON.stringify(await drafts(page)).includes('signature'))
  await step('review_officer', id, 'review', { decision: 'reject', reason: '名称有误', guidance: '请更正' })
  await corrects('acceptor', id, { subscriber: { contact: { phone: '13835100002' } } })
  for (const name of ['agency', 'acceptance', 'entry']) await steps[name](id)
  await press(page, 'refresh')
  await isNow(page, '待审核')
  await rests(page)
  assert.equal(await field(page, '/decision').locator('input:checked').count(), 0)
  await finish()
})

test('a form that makes a thing is open again after a reload, with what was typed; a file is never kept', async () => {
  const page = await visit('administrator', '/offices')
  await press(page, 'open-office')
  await type(page, '/name', '打了一半的机构')
  await reload(page, '打了一半的机构')
  assert.equal(await typedAt(page, '/name'), '打了一半的机构')
  await page.to(`/people/${settings.ids.people.marketing}`)
  await press(page, 'open-disable')
  await type(page, '/reason', '打了一半的原因')
  await press(page, 'open-bind')
  const alone = Buffer.from(readFileSync(settings.leaver.cert))
  await field(page, '/certificate').locator('input[type=file]').setInputFiles({ name: 'card.crt', mimeType: 'text/plain', buffer: alone })
  await page.waitForFunction(() => document.querySelector('[data-field="/certificate"] textarea').value.includes('BEGIN'))
  await reload(page, '打了一半的原因')
  assert.equal(await typedAt(page, '/reason'), '打了一半的原因')
  assert.ok(!JSON.stringify(await drafts(page)).includes('BEGIN'))
  await finish()
})

test('a form in a dialog has what was typed about its row when it opens again, unless it was closed by its button', async () => {
  const [{ subscriber }, { subscriber: other }] = [await standing(), await standing()]
  const page = await visit('acceptor', `/subscribers/${subscriber.id}`)
  await press(page, 'open-correct')
  const phone = await typedAt(page, '/contact/phone')
  await type(page, '/contact/phone', '13900000009')
  await reload(page, '13900000009')
  await press(page, 'open-correct')
  assert.equal(await typedAt(page, '/contact/phone'), '13900000009')
  await page.keyboard.press('Escape')
  await page.to(`/subscribers/${other.id}`)
  await page.locator('h1').getByText(other.name).waitFor()
  await press(page, 'open-correct')
  assert.equal(await typedAt(page, '/contact/phone'), phone)
  await press(page, 'close-form')
  await page.to(`/subscribers/${subscriber.id}`)
  await page.locator('h1').getByText(subscriber.name).waitFor()
  await press(page, 'open-correct')
  assert.equal(await typedAt(page, '/contact/phone'), '13900000009')
  await press(page, 'close-form')
  await press(page, 'open-correct')
  assert.equal(await typedAt(page, '/contact/phone'), phone)
  await finish()
})
