// Where the RA is strict: reviews are signed by the officer's own card, and an outcome at the CA that nobody knows waits for the manager.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isNow, open, pick, press, request, standing, step } from './acts.mjs'
import { accessible, finish, output, people, urls, visit } from './support.mjs'

/** The signing tool: openssl with the card of a role. @return the file of the signature */
function sign(statement, role) {
  const place = join(output, `${role}-${process.pid}.p7s`)
  execFileSync('openssl', ['cms', '-sign', '-binary', '-cades', '-md', 'sha256', '-in', statement, '-signer', people[role].cert, '-inkey', people[role].key, '-outform', 'DER', '-out', place])
  return place
}

/** The statement that is downloaded for the decision. */
async function statementOf(page) {
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'statement')])
  const place = join(output, download.suggestedFilename())
  await download.saveAs(place)
  return place
}

async function openReview(id) {
  const page = await open('review_officer', id)
  await pick(page, '/decision', '同意')
  return page
}

test('a review is signed with the card of the officer: bytes out, signature in', async () => {
  const { id, number } = await standing('agency', 'acceptance', 'entry')
  const page = await openReview(id)
  page.guard.allow(/422|403|409/)
  const said = page.locator('[data-field="/signature"] [role=alert]')
  await press(page, 'do-review')
  await said.getByText('审核意见没有签名').waitFor()
  const statement = await statementOf(page)
  assert.ok(readFileSync(statement, 'utf8').includes(id) && statement.includes(number))
  assert.match(await page.locator('[data-test=sign-command]').textContent(), /^openssl cms -sign .*\.json .*\.p7s$/)
  await accessible(page, 'a review that is signed')
  const upload = page.locator('#signature-file')
  await upload.setInputFiles(sign(statement, 'issuing_officer'))
  await press(page, 'do-review')
  await said.getByText('签名证书属于他人').waitFor()
  const spoilt = join(output, `spoilt-${process.pid}.p7s`)
  writeFileSync(spoilt, 'no signature')
  await upload.setInputFiles(spoilt)
  await press(page, 'do-review')
  await said.getByText('签名格式不正确').waitFor()
  await page.getByRole('button', { name: '取消签名' }).click()
  await page.locator('[data-test=signed]').waitFor({ state: 'detached' })
  await upload.setInputFiles(sign(statement, 'review_officer'))
  await page.locator('[data-test=signed]').waitFor()
  await press(page, 'do-review')
  await isNow(page, '待制证')
  await finish()
})

const knobs = (values) => fetch(`${urls.ca_control}/knobs`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) })

test('an outcome that nobody knows is shown to the manager, who settles it', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry')
  const page = await openReview(id)
  await press(page, 'sign')
  await page.locator('#signature-file').setInputFiles(sign(await statementOf(page), 'review_officer'))
  await page.locator('[data-test=signed]').waitFor()
  await press(page, 'do-review')
  await isNow(page, '待制证')
  assert.ok((await knobs({ mode: 'http500', count: 1 })).ok)
  const codes = await step('issuing_officer', id, 'codes', {})
  await step('issuing_officer', id, 'production', (now) => ({ reference_code: codes.reference_code, authorisation_code: codes.authorisation_code, csr: request(now.subject_name) }))
  const desk = await visit('manager', '/upstream')
  const line = desk.locator('[data-test=unknown] p', { has: desk.locator(`a[href$="${id}"]`) })
  while (!(await line.count())) await desk.reload().then(() => desk.locator('[data-fact=person]').waitFor()) // the operation ends by itself
  await desk.locator('[data-fact=link].bad').getByText('500').waitFor()
  await desk.locator('[data-fact=person].bad').waitFor()
  await desk.selectOption('#filter-state', 'person')
  await desk.locator('tbody tr', { has: desk.locator(`a[href$="${id}"]`) }).getByText('等待人工').waitFor()
  await accessible(desk, 'the link to the CA')
  await line.locator('[data-test=settle]').click()
  await press(desk, 'do-settle')
  await desk.locator('[data-field="/evidence"]').getByText('必填').waitFor()
  await pick(desk, '/outcome', '没有签发')
  await desk.locator('[data-field="/evidence"] textarea').fill('已电话向 CA 值班人员核实，没有签发')
  await press(desk, 'do-settle')
  await line.waitFor({ state: 'detached' })
  await desk.to(`/applications/${id}`)
  await isNow(desk, '待制证')
  await finish()
})
