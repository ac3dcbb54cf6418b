// The business `issue` whole: from the form that the subscriber fills in at home to the public status query, each step by its person in
// a browser of their own; and what the counter types in for who walks in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { field, isNow, pick, press, runs, takes, type } from './acts.mjs'
import { fillIn } from './wizard.mjs'
import { accessible, finish, scan, settings, subjectName, visit } from './support.mjs'

test('the acceptor enters a walk-in application, a wrong code is said at its field, and a reload keeps what was typed', async () => {
  const name = subjectName()
  const page = await visit('acceptor', '/')
  await press(page, 'new')
  await field(page, '/business').locator('select').selectOption('issue')
  await pick(page, '/kind', '单位')
  await type(page, '/subscriber/name', name)
  assert.equal(await field(page, '/subject_name').locator('input').inputValue(), name, 'the certificate of an organisation has its name')
  await type(page, '/subscriber/social_security_no', '1401050012399')
  await type(page, '/subscriber/organisation_code/value', '91140100590876546A')
  await field(page, '/subscriber/organisation_code/value').locator('input').blur()
  await field(page, '/subscriber/organisation_code/value').getByText('统一社会信用代码不正确').waitFor()
  await type(page, '/subscriber/organisation_code/value', settings.uscc.pop())
  await type(page, '/subscriber/contact/name', '王小明')
  await type(page, '/subscriber/contact/phone', '13835100000')
  await field(page, '/subscriber/agency_id').locator('select').selectOption(settings.ids.agency)
  assert.equal(await field(page, '/subscriber/region').locator('input').inputValue(), '140100', 'the region is the agency’s')
  await accessible(page, 'a new application')
  await page.reload()
  assert.equal(await field(page, '/subject_name').locator('input').inputValue(), name, 'a reload keeps what was typed')
  await press(page, 'submit-new')
  await isNow(page, '待经办单位审批')
  await accessible(page, 'an application')
  await finish()
})

test('a new certificate, from the form filled in at home to the public status query', async () => {
  const home = await visit(undefined, '/prefill')
  const { number, code, name } = await fillIn(home)
  const counter = await visit('acceptor', '/')
  await counter.locator('[data-test=who]').waitFor()
  counter.guard.allow(/404/)
  await scan(counter, number + code)
  await press(counter, 'make')
  await isNow(counter, '待经办单位审批')
  const id = /applications\/([0-9a-f-]+)/.exec(counter.url())[1]
  const run = { id, list: 'A', name, fee: true }
  const hands = [['agency_decision', 'agency'], ['acceptance', 'acceptor'], ['entry', 'entry_officer'], ['review', 'review_officer']]
  for (const [step, role] of hands) {
    await takes(run, step, role)
  }
  const maker = await takes(run, 'production', 'issuing_officer')
  await accessible(maker, 'an application')
  const [pem] = await Promise.all([maker.waitForEvent('download'), press(maker, 'download-pem')])
  assert.match(pem.suggestedFilename(), /\.pem$/)
  const [der] = await Promise.all([maker.waitForEvent('download'), press(maker, 'download-der')])
  assert.match(der.suggestedFilename(), /\.cer$/)
  const page = await runs(run, 5)
  const said = await page.locator('[data-test=timeline]').innerText()
  for (const who of ['马经办', '王受理', '李录入', '张审核', '赵制证', '陈档案']) assert.ok(said.includes(who), `${who} in ${said}`)
  await home.goto(`${home.home}/#/status?subject=${encodeURIComponent(name)}`)
  await home.locator('[data-test=answer]').getByText('证书使用中').first().waitFor()
  await finish()
})
