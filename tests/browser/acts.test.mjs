// Acts on a certificate by the people of the counter, and a rejection with its correction.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, complete, enter, field, file, handOver, isNow, issued, open, pick, press, produce, review, standing, tick, type } from './acts.mjs'
import { finish, subjectName, visit } from './support.mjs'

let certificate

/** An act begun at the page of its certificate. */
async function begin(business, more = async () => undefined) {
  const page = await visit('acceptor', `/certificates/${certificate.id}`)
  await press(page, `begin-${business}`)
  await page.locator('[data-test=chosen]').getByText(certificate.serial).waitFor()
  await more(page)
  await press(page, 'submit-new')
  await isNow(page, '待受理')
  return /applications\/([0-9a-f-]+)/.exec(page.url())[1]
}

async function wholeAct(id, status) {
  await accept(id, { fee: false })
  await enter(id)
  const page = await open('review_officer', id)
  await pick(page, '/decision', '同意')
  await press(page, 'do-review')
  await isNow(page, '待登记')
  const desk = await open('acceptor', id)
  await type(desk, '/register', '2026年挂起登记簿第17号')
  await press(desk, 'do-registration')
  await isNow(desk, '待归档')
  await file(id)
  await complete('acceptor', id)
  const seen = await visit('acceptor', `/certificates/${certificate.id}`)
  await seen.locator('[data-test=certificate-status]').filter({ hasText: status }).waitFor()
}

test('a certificate is suspended at the counter', async () => {
  certificate = (await issued()).certificate
  await wholeAct(await begin('suspend'), '挂起')
  await finish()
})

test('the manager sees the suspension with the days it has left', async () => {
  const page = await visit('manager', '/clock')
  await page.locator('[data-test=suspended]').getByText(certificate.serial).waitFor()
  for (const days of [7, 30, 366]) await press(page, `suspended-${days}`)
  for (const days of [7, 30, 60]) await press(page, `expiring-${days}`)
  await page.locator('[data-test=suspended]').getByText(certificate.serial).waitFor()
  await finish()
})

test('it is resumed', async () => {
  await wholeAct(await begin('resume'), '证书使用中')
  await finish()
})

test('a lost certificate is issued again and the old one revoked', async () => {
  const id = await begin('reissue_lost')
  await accept(id, { told: true })
  await enter(id)
  await review(id)
  await produce(id, certificate.subject_name)
  await handOver(id, '待登记')
  const page = await open('issuing_officer', id)
  await type(page, '/register', '2026年补办登记簿第17号')
  await press(page, 'do-registration')
  await isNow(page, '待归档')
  await file(id)
  await complete('issuing_officer', id)
  const seen = await visit('acceptor', `/certificates/${certificate.id}`)
  await seen.locator('[data-test=certificate-status]').filter({ hasText: '已吊销' }).waitFor()
  await finish()
})

test('a rejection takes its reason from the catalogue and is corrected', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry')
  const page = await open('review_officer', id)
  await pick(page, '/decision', '退回')
  await press(page, 'do-review')
  await field(page, '/reason').getByText('必填').waitFor()
  await page.selectOption('[data-test=catalogue]', { label: '名称与证照不一致' })
  assert.match(await field(page, '/guidance').locator('textarea').inputValue(), /营业执照/)
  await press(page, 'do-review')
  await isNow(page, '已退回')
  await page.locator('[data-test=rejection]').getByText('名称与证照不一致').waitFor()
  const desk = await open('acceptor', id)
  await press(desk, 'choose-edit')
  await press(desk, 'do-correction')
  await desk.getByText('没有修改任何内容').waitFor()
  await type(desk, '/subscriber/contact/phone', '13835100001')
  await press(desk, 'do-correction')
  await isNow(desk, '待经办单位审批')
  await finish()
})

test('an application is withdrawn', async () => {
  const { id } = await standing()
  const page = await open('acceptor', id)
  await press(page, 'choose-withdrawal')
  await type(page, '/reason', '订户不再需要')
  await press(page, 'do-withdrawal')
  await isNow(page, '已撤回')
  await finish()
})
