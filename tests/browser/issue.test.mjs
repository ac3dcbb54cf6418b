// The business `issue` by five people in five browsers, from the counter to the public status query.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accept, approveForAgency, complete, enter, field, file, handOver, isNow, pick, press, produce, review, type } from './acts.mjs'
import { accessible, finish, settings, subjectName, visit } from './support.mjs'

const name = subjectName()
let id

test('the acceptor enters a walk-in application, and a wrong code is said at its field', async () => {
  const page = await visit('acceptor', '/')
  await press(page, 'new')
  await field(page, '/business').locator('select').selectOption('issue')
  await pick(page, '/kind', '单位')
  await type(page, '/subject_name', name)
  await type(page, '/subscriber/name', name)
  await type(page, '/subscriber/social_security_no', '1401050012399')
  await type(page, '/subscriber/organisation_code/value', '91140100590876546A')
  await field(page, '/subscriber/organisation_code/value').locator('input').blur()
  await field(page, '/subscriber/organisation_code/value').getByText('统一社会信用代码不正确').waitFor()
  await type(page, '/subscriber/organisation_code/value', settings.uscc.pop())
  await type(page, '/subscriber/contact/name', '王小明')
  await type(page, '/subscriber/contact/phone', '13835100000')
  await type(page, '/subscriber/region', '140100')
  await field(page, '/subscriber/agency_id').locator('select').selectOption(settings.ids.agency)
  await accessible(page, 'a new application')
  await page.reload()
  assert.equal(await field(page, '/subject_name').locator('input').inputValue(), name, 'a reload keeps what was typed')
  await press(page, 'submit-new')
  await isNow(page, '待经办单位审批')
  id = /applications\/([0-9a-f-]+)/.exec(page.url())[1]
  await page.getByText('下一环节“主管单位审批”', { exact: false }).or(page.locator('[data-test=obstacle]')).first().waitFor()
  await finish()
})

test('agency, acceptor, entry officer, reviewer and issuing officer do their steps', async () => {
  await approveForAgency(id)
  await accept(id)
  await enter(id)
  await review(id)
  const page = await produce(id, name)
  await accessible(page, 'an application')
  const [pem] = await Promise.all([page.waitForEvent('download'), press(page, 'download-pem')])
  assert.match(pem.suggestedFilename(), /\.pem$/)
  const [der] = await Promise.all([page.waitForEvent('download'), press(page, 'download-der')])
  assert.match(der.suggestedFilename(), /\.cer$/)
  await finish()
})

test('it is handed over, filed and completed, and the timeline says by whom', async () => {
  await handOver(id)
  await file(id)
  const page = await complete('issuing_officer', id)
  const said = await page.locator('[data-test=timeline]').innerText()
  for (const who of ['马经办', '王受理', '李录入', '张审核', '赵制证', '陈档案']) assert.ok(said.includes(who), `${who} in ${said}`)
  await finish()
})

test('the public sees the certificate in use', async () => {
  const page = await visit(undefined, `/status?subject=${encodeURIComponent(name)}`)
  await page.locator('[data-test=answer]').getByText('证书使用中').first().waitFor()
  await finish()
})
