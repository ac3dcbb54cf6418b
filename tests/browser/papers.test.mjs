// What is printed, as PDF pages: the form in three copies, the completion record, the production sheet.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { accessible, caller, finish, output, settings, subjectName, visit } from './support.mjs'

/** A submitted application of an organisation. */
async function submitted(project) {
  const system = await caller('system')
  const name = subjectName()
  const { data } = await system.call('POST', '/applications', {
    business: 'issue', kind: 'organisation', usage: 'signing', subject_name: name, validity_years: 2,
    subscriber: {
      kind: 'organisation', name, social_security_no: `14${String(Date.now()).slice(-10)}`,
      organisation_code: { type: 'uscc', value: settings.uscc.pop() }, contact: { name: '王小明', phone: '13835100000' },
      region: '140100', agency_id: settings.ids.agency, ...(project ? { project } : {}),
    },
  })
  await system.close()
  return data
}

/** The pages of what the browser prints, as text. */
async function printed(page, name) {
  const file = `${output}/${name}.pdf`
  writeFileSync(file, await page.pdf({ preferCSSPageSize: true }))
  return execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).split('\f').slice(0, -1)
}

test('the form is three copies, each on its page with where it goes', async () => {
  const made = await submitted()
  const page = await visit('acceptor', `/applications/${made.id}/form`)
  await page.locator('[data-copy="3"]').waitFor()
  assert.equal(await page.locator('[data-test=print]').isEnabled(), true)
  await accessible(page, 'the form')
  const pages = await printed(page, 'form')
  assert.equal(pages.length, 3)
  const destinations = ['档案管理员留存', '档案管理员留存', '订户留存']
  for (const [place, copy] of ['第一联', '第二联', '第三联'].entries()) {
    for (const wanted of ['单位证书申请(更新)表', copy, destinations[place], made.number, made.subject_name, '13835100000', '营业执照副本复印件', '盖章']) {
      assert.ok(pages[place].includes(wanted), `${wanted} on page ${place + 1}:\n${pages[place]}`)
    }
    assert.ok(!pages[place].includes('打印'), 'buttons are not printed')
  }
  await page.click('[data-test=language]')
  await page.getByRole('button', { name: 'Print' }).waitFor()
  assert.match((await printed(page, 'form-en'))[0], /受理号/)
  await finish()
})

test('the print button opens the print dialogue, back goes back', async () => {
  const made = await submitted()
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
  const made = await submitted()
  const page = await visit('acceptor', `/applications/${made.id}/completion-record`)
  await page.locator('[data-field=state]').waitFor()
  await accessible(page, 'the completion record')
  const pages = await printed(page, 'completion')
  assert.equal(pages.length, 1)
  for (const wanted of ['任务完成记录单', made.number, made.subject_name, '待经办单位审批', '档案管理员签字']) {
    assert.ok(pages[0].includes(wanted), `${wanted}:\n${pages[0]}`)
  }
  await finish()
})

test('the production sheet is chosen by business and project', async () => {
  const page = await visit('issuing_officer', '/production-sheet?business=issue')
  await page.locator('[data-field=count]').waitFor()
  await page.selectOption('[data-test=sheet-business]', 'renew')
  await page.fill('[data-test=sheet-project]', '没有这个项目')
  await page.click('[data-test=sheet-show]')
  await page.waitForFunction(() => location.hash.includes('business=renew') && location.hash.includes('project='))
  await finish()
})
