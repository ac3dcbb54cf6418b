// The portal: who comes without a certificate.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessible, finish, visit } from './support.mjs'

test('a name nobody has gets an answer that says what to do', async () => {
  const page = await visit()
  await page.fill('#subject', '没有这个单位有限公司')
  await page.click('[data-test=search]')
  await page.getByText('没有找到“没有这个单位有限公司”的证书').waitFor()
  await accessible(page, 'the status query')
  await page.click('[data-test=language]')
  await page.getByText('No certificate of “没有这个单位有限公司” was found').waitFor()
  assert.match(page.url(), /\?lang=en#\/status\?subject=/)
  await finish()
})
