// What is printed, as PDF pages: the form in three copies, the completion record, the production sheet, the slip with the codes. (The form and
// the record of every business are in acts.test.mjs.)
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { application, press, standing, steps, submitted } from './acts.mjs'
import { formIn3, printed, sheets } from './paper.mjs'
import { accessible, finish, visit } from './support.mjs'

test('the form is three copies, each on its page with where it goes', async () => {
  const made = await standing()
  const page = await visit('acceptor', `/applications/${made.id}/form`)
  await page.locator('[data-copy="3"]').waitFor()
  assert.equal(await page.locator('[data-test=print]').isEnabled(), true)
  await accessible(page, 'the form')
  const pages = await formIn3(page, '单位证书申请(更新)表')
  for (const [place, text] of pages.entries()) {
    for (const wanted of [made.number, made.subject_name, '13835100000', '营业执照副本复印件', '盖章']) {
      assert.ok(text.includes(wanted), `${wanted} on page ${place + 1}:\n${text}`)
    }
  }
  await page.click('[data-test=language]')
  await page.getByRole('button', { name: 'Print' }).waitFor()
  assert.match((await printed(page, 'form-en'))[0], /受理号/)
  await finish()
})

test('the print button opens the print dialogue, back goes back', async () => {
  const made = await standing()
  const page = await visit('acceptor', '/')
  await page.getByRole('heading').first().waitFor()
  await page.to(`/applications/${made.id}/form`)
  await page.locator('[data-copy="1"]').waitFor()
  await page.evaluate(() => { window.print = () => { document.title = 'printed' } })
  await page.click('[data-test=print]')
  await page.waitForFunction(() => document.title === 'printed')
  await page.click('[data-test=back]')
  await page.waitForFunction(() => location.hash === '#/')
  await finish()
})

test('the completion record says how far the work has come', async () => {
  const made = await standing()
  const page = await visit('acceptor', `/applications/${made.id}/completion-record`)
  await page.locator('[data-field=state]').waitFor()
  await accessible(page, 'the completion record')
  const pages = await sheets(page, 'completion')
  assert.equal(pages.length, 1)
  for (const wanted of ['任务完成记录单', made.number, made.subject_name, '待经办单位审批', '档案管理员签字']) {
    assert.ok(pages[0].includes(wanted), `${wanted}:\n${pages[0]}`)
  }
  await finish()
})

test('the form of a person is signed, not sealed', async () => {
  const made = await submitted(application('王小明', 'person'))
  const page = await visit('acceptor', `/applications/${made.id}/form`)
  const pages = await formIn3(page, '个人证书申请(更新)表', 'form-person')
  assert.ok(pages[0].includes('申请人签字') && !pages[0].includes('盖章'), pages[0])
  await finish()
})

test('the slip with the codes is one page with nothing else on it', async () => {
  const made = await standing('agency', 'acceptance', 'entry', 'review')
  const page = await visit('issuing_officer', `/applications/${made.id}`)
  await press(page, 'draw-codes')
  await page.locator('[data-test=code-slip] .code').first().waitFor()
  const codes = await page.locator('[data-test=code-slip] .code').allInnerTexts()
  await page.evaluate(() => { window.print = () => { document.title = 'printed' } })
  await press(page, 'print-slip')
  await page.waitForFunction(() => document.title === 'printed')
  const pages = await printed(page, 'slip')
  assert.equal(pages.length, 1)
  for (const wanted of ['参考码', '授权码', made.number, made.subject_name, ...codes]) {
    assert.ok(pages[0].includes(wanted), `${wanted}:\n${pages[0]}`)
  }
  for (const other of ['打印', '重新', '证书请求', '订户', '办理记录', '首页']) assert.ok(!pages[0].includes(other), `${other}:\n${pages[0]}`)
  await accessible(page, 'the codes')
  await finish()
})

test('the production sheet is chosen by business and project', async () => {
  const body = application()
  const project = `社保项目${body.subscriber.social_security_no}`
  body.subscriber.project = project
  const made = await submitted(body)
  for (const name of ['agency', 'acceptance', 'entry', 'review']) await steps[name](made.id)
  const page = await visit('issuing_officer', '/production-sheet?business=issue')
  await page.locator('[data-field=count]').waitFor()
  await page.selectOption('[data-test=sheet-business]', 'renew')
  await page.fill('[data-test=sheet-project]', '没有这个项目')
  await page.click('[data-test=sheet-show]')
  await page.waitForFunction(() => location.hash.includes('business=renew') && location.hash.includes('project='))
  await page.selectOption('[data-test=sheet-business]', 'issue')
  await page.fill('[data-test=sheet-project]', project)
  await page.click('[data-test=sheet-show]')
  await page.locator(`[data-number="${made.number}"]`).waitFor()
  const pages = await sheets(page, 'sheet')
  for (const wanted of ['制证申请表', project, made.number, '制证人员签字']) assert.ok(pages[0].includes(wanted), `${wanted}:\n${pages[0]}`)
  await finish()
})
