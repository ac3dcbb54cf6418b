// Each business about a certificate, from the application form to the task completion record, by the people of its steps; a rejection
// with its correction; a withdrawal. Every test has a certificate of its own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { field, isNow, issued, open, pick, press, runs, standing, type } from './acts.mjs'
import { formIn3, sheets } from './paper.mjs'
import { caller, desk, finish, subjectName, visit } from './support.mjs'

const APPLY = '证书申请(更新)表'
const CHANGE = '证书变更、挂起、解挂、吊销表'
const UNLOCK = '数字证书解锁申请表'

/** An act begun at the page of its certificate; its form is there to be printed in three copies. */
async function begin({ business, form, asks }, certificate) {
  const page = await desk('acceptor', `/certificates/${certificate.id}`)
  await press(page, `begin-${business}`)
  await page.locator('[data-test=chosen]').getByText(certificate.serial).waitFor()
  await asks?.(page)
  await press(page, 'submit-new')
  await isNow(page, '待受理')
  const id = /applications\/([0-9a-f-]+)/.exec(page.url())[1]
  await press(page, 'print-form')
  await formIn3(page, form, business)
  await press(page, 'back')
  return id
}

/** The record that closes a business names it as done, and everybody who had a hand in it. */
async function recorded(page, run) {
  await press(page, 'print-record')
  await page.locator('[data-field=state]').getByText('已办结').waitFor()
  const hands = await page.locator('[data-step]').evaluateAll((rows) => rows.map((row) => row.dataset.step))
  for (const step of run.hands) assert.ok(hands.includes(step), `${step} in ${hands}`)
  assert.equal((await sheets(page, `${run.business}-record`)).length, 1)
}

async function statusOf(certificate, status) {
  const page = await desk('acceptor', `/certificates/${certificate.id}`)
  await page.locator('[data-test=certificate-status]').filter({ hasText: status }).waitFor()
}

/** One business about the certificate: what is asked at its form, and what becomes of the certificate. */
async function does(row, certificate) {
  const id = await begin(row, certificate)
  const run = { id, name: certificate.subject_name, hands: ['acceptance', 'archive', 'completion'], ...row }
  if (row.kind === 'server') run.dns = certificate.subject_name
  const page = await runs(run)
  if (row.makes) {
    const made = page.locator('[data-test=certificate]').first()
    await made.getByText('证书使用中').waitFor()
    assert.ok(!(await made.innerText()).replace(/\s/g, '').includes(certificate.serial), 'the certificate is a new one')
  }
  await recorded(page, run)
  await statusOf(certificate, row.becomes)
}

const act = (...rows) => async () => {
  const { certificate } = await issued(rows[0].kind)
  for (const row of rows) await does(row, certificate)
  await finish()
}

const suspend = { business: 'suspend', list: 'H', form: CHANGE, becomes: '挂起' }
const revoke = {
  business: 'revoke', list: 'D', form: CHANGE, becomes: '已吊销',
  asks: (page) => field(page, '/revocation_reason').locator('select').selectOption('cessation_of_operation'),
}

test('a certificate of a person is renewed, and the old one runs out', act({
  business: 'renew', kind: 'person', list: 'B', form: APPLY, fee: true, makes: true, becomes: '证书使用中',
}))

test('a certificate is changed to another name, and the old one revoked', async () => {
  const { certificate } = await issued()
  const name = subjectName()
  const asks = (page) => type(page, '/subject_name', name)
  await does({ business: 'modify', list: 'B', form: CHANGE, name, makes: true, becomes: '已吊销', asks }, certificate)
  await finish()
})

test('a certificate is revoked', act(revoke))

test('a locked EKey is unlocked by another person than who took it in', act({
  business: 'unlock', list: 'E', form: UNLOCK, hands: ['acceptance', 'operation', 'registration', 'archive', 'completion'],
  becomes: '证书使用中',
}))

test('a lost certificate is issued again and the old one revoked', act({
  business: 'reissue_lost', list: 'C', form: CHANGE, fee: true, told: true, makes: true, becomes: '已吊销',
}))

test('the certificate of a server on a damaged EKey is made anew and the old one revoked', act({
  business: 'reissue_damaged', kind: 'server', list: 'C', form: CHANGE, fee: true, makes: true, becomes: '已吊销',
  async asks(page) {
    await type(page, '/token/serial', 'EK20250017')
    await type(page, '/token/purchased_on', '2026-03-01')
    await pick(page, '/token/human_fault', '否')
  },
}))

test('an EKey is replaced, with its cause', act({
  business: 'replace_token', list: 'C', form: CHANGE, fee: true, makes: true, becomes: '已吊销', asks: (page) => pick(page, '/cause', '变更'),
}))

test('a certificate is suspended and resumed', async () => {
  const { certificate } = await issued()
  for (const row of [suspend, { business: 'resume', list: 'H', form: CHANGE, becomes: '证书使用中' }]) await does(row, certificate)
  const events = (await desk('acceptor', `/certificates/${certificate.id}`)).locator('[data-test=certificate-history] [data-event]')
  await events.nth(1).waitFor()
  assert.deepEqual(await events.evaluateAll((all) => all.map((one) => one.dataset.event)), ['suspended', 'released'])
  await finish()
})

test('the manager sees a suspension with the days it has left, and it ends in a revocation', async () => {
  const { certificate } = await issued()
  await does(suspend, certificate)
  const page = await visit('manager', '/clock')
  await page.locator('[data-test=suspended]').getByText(certificate.serial).waitFor()
  for (const days of [7, 30, 366]) await press(page, `suspended-${days}`)
  for (const days of [7, 30, 60]) await press(page, `expiring-${days}`)
  await page.locator('[data-test=suspended]').getByText(certificate.serial).waitFor()
  await does(revoke, certificate)
  await finish()
})

test('a rejection takes its reason from the catalogue and is corrected', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry')
  const page = await open('review_officer', id)
  await pick(page, '/decision', '退回')
  await press(page, 'sign')
  await page.locator('[data-test=statement]').waitFor()
  await press(page, 'sign')
  await press(page, 'do-review')
  await field(page, '/reason').getByText('必填').waitFor()
  await field(page, '/catalogue').locator('select').selectOption({ label: '名称与证照不一致' })
  assert.match(await field(page, '/guidance').locator('textarea').inputValue(), /营业执照/)
  await press(page, 'do-review')
  await isNow(page, '已退回')
  await page.locator('[data-test=rejection]').getByText('名称与证照不一致').waitFor()
  const counter = await open('acceptor', id)
  await press(counter, 'choose-edit')
  await press(counter, 'do-correction')
  await counter.getByText('没有修改任何内容').waitFor()
  await type(counter, '/subscriber/contact/phone', '13835100001')
  const other = await caller('entry_officer')
  const { etag } = await other.call('GET', `/applications/${id}`)
  await other.call('PATCH', `/applications/${id}`, { note: '已电话联系' }, etag, 'application/merge-patch+json')
  await other.close()
  counter.guard.allow(/412/)
  await press(counter, 'do-correction')
  await press(counter, 'reload-correction')
  await counter.waitForFunction(() => document.querySelector('[data-field="/note"] textarea').value === '已电话联系')
  assert.equal(await field(counter, '/subscriber/contact/phone').locator('input').inputValue(), '13835100001', 'what was typed stays')
  await press(counter, 'do-correction')
  await isNow(counter, '待经办单位审批')
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
