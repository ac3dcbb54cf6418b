// What a lost network leaves: a change is done once, and what is sent under a key is one exact request.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNow, open, press, standing } from './acts.mjs'
import { finish, visit } from './support.mjs'

/** The keys under which a page sends changes to an address. */
function keysOf(page, address) {
  const keys = []
  page.on('request', (sent) => {
    if (sent.method() === 'POST' && sent.url().endsWith(address)) keys.push(sent.headers()['idempotency-key'])
  })
  return keys
}

test('others that are reviewed after a lost network go under a key of their own', async () => {
  const [first, second] = [await standing('agency', 'acceptance', 'entry'), await standing('agency', 'acceptance', 'entry')]
  const page = await visit('review_officer', `/applications?state=awaiting_review`)
  page.guard.allow(/ERR_INTERNET_DISCONNECTED/)
  const keys = keysOf(page, '/bulk/reviews')
  const row = (one) => page.locator('tr', { hasText: one.number }).locator('input[type=checkbox]')
  const lose = () => page.route('**/bulk/reviews', (route) => route.abort('internetdisconnected'))
  await row(first).check()
  await press(page, 'bulk-approve')
  await lose()
  await press(page, 'bulk-go')
  await page.locator('[role=alert]').getByText('网络中断').waitFor()
  await page.unroute('**/bulk/reviews')
  assert.equal(new Set(keys).size, 1, 'the same request again has the same key')
  await press(page, 'bulk-close')
  await row(first).uncheck()
  await row(second).check()
  await press(page, 'bulk-approve')
  await press(page, 'bulk-go')
  const results = page.locator('[data-test=bulk-results]')
  await results.getByText(second.number).waitFor()
  assert.equal(await results.getByText('待制证').count(), 1)
  assert.equal(new Set(keys).size, 2)
  await isNow(await open('review_officer', first.id), '待审核')
  await finish()
})

test('codes whose answer was lost are shown to nobody, and new ones are drawn on the same page', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry', 'review')
  const page = await open('issuing_officer', id)
  page.guard.allow(/ERR_FAILED|ERR_CONNECTION_RESET|409/)
  const keys = keysOf(page, '/codes')
  let done = 0
  await page.route('**/codes', async (route) => {
    await route.fetch()
    done++
    await route.abort('connectionreset')
  })
  await press(page, 'draw-codes')
  await page.locator('[role=alert]').getByText('网络中断').waitFor()
  assert.ok(done > 0, 'the server has done it')
  await page.unroute('**/codes')
  await page.getByRole('button', { name: '重试' }).click()
  await page.locator('[data-code=codes-shown]').waitFor()
  assert.equal(new Set(keys).size, 1, 'the same press again is the same request')
  await page.getByText('已生成过一次').first().waitFor()
  await press(page, 'draw-codes')
  await page.locator('[data-test=authorisation-code]').waitFor()
  await finish()
})
