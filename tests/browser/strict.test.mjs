// Where the RA is strict: reviews are signed by the officer's own card, and an outcome at the CA that nobody knows waits for the manager.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { field, isNow, open, pick, press, request, standing, step } from './acts.mjs'
import { accessible, finish, output, people, settings, until, urls, visit } from './support.mjs'

/** The signing tool: openssl with the card of a role. @return the file of the signature */
function sign(statement, role) {
  const place = join(output, `${role}-${process.pid}.p7s`)
  const signer = ['-signer', people[role].cert, '-inkey', people[role].key]
  const files = ['-in', statement, ...signer, '-outform', 'DER', '-out', place]
  execFileSync('openssl', ['cms', '-sign', '-binary', '-cades', '-md', 'sha256', ...files])
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
  await page.locator('[data-demanded=true][open]').getByText('没有签名不能提交').waitFor()
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
  await page.to('/applications?state=awaiting_review')
  await page.locator('[data-test=one-by-one]').waitFor()
  assert.equal(await page.locator('[data-test=bulk-approve]').count(), 0, 'what is to be signed is signed one by one')
  await verifies(id)
  await finish()
})

/** The auditor takes the evidence away and verifies it as the page says. */
async function verifies(id) {
  const page = await visit('auditor', `/applications/${id}`)
  const evidence = page.locator('[data-test=signatures]')
  await evidence.getByText(people.review_officer.name).waitFor()
  await accessible(page, 'a signed decision')
  for (const member of ['statement', 'signature', 'certificate']) {
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, `evidence-${member}`)])
    await download.saveAs(join(output, download.suggestedFilename()))
  }
  copyFileSync(join(settings.state, 'pki/client-trust.pem'), join(output, 'client-trust.pem'))
  const [tool, ...words] = (await page.locator('[data-test=verify-command]').textContent()).trim().split(' ')
  execFileSync(tool, words, { cwd: output, stdio: 'pipe' })
}

/** An application whose review is signed. */
async function reviewed() {
  const { id } = await standing('agency', 'acceptance', 'entry')
  const page = await openReview(id)
  await page.locator('#signature-file').setInputFiles(sign(await statementOf(page), 'review_officer'))
  await page.locator('[data-test=signed]').waitFor()
  await press(page, 'do-review')
  await isNow(page, '待制证')
  return id
}

const knobs = (values) => fetch(`${urls.ca_control}/knobs`,
  { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(values) })

/** The certificate is asked for while the CA does as told. */
async function ask(id, mode, body) {
  assert.ok((await knobs({ mode, count: 1, ...(body ? { body } : {}) })).ok)
  const codes = await step('issuing_officer', id, 'codes', {})
  const { reference_code, authorisation_code } = codes
  await step('issuing_officer', id, 'production', (now) => ({ reference_code, authorisation_code, csr: request(now.subject_name) }))
}

/** The manager looks again, at the list with this address, until something is there. */
async function seen(desk, what, address, locator) {
  await until(what, async () => {
    const answered = desk.waitForResponse((one) => one.url().includes(address))
    await press(desk, 'refresh-link')
    await answered
    await desk.waitForFunction(() => !document.querySelector('[aria-busy=true]'))
    return locator.count()
  })
}

/** The operation has ended: nobody knows how. @return its line */
async function unknown(desk, id) {
  const line = desk.locator('[data-test=unknown] p', { has: desk.locator(`a[href$="${id}"]`) })
  await seen(desk, 'the operation ends by itself', '/operations?', line)
  return line
}

/** What the CA issued last, in DER: nobody else asks it here. */
function issuedLast() {
  const lines = readFileSync(settings.ledger, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  return Buffer.from(lines.filter((one) => one.kind === 'certificate').at(-1).der_b64, 'base64')
}

test('an outcome that nobody knows is shown to the manager, who settles it: not issued, or with the certificate that came to light', async () => {
  const id = await reviewed()
  const desk = await visit('manager', '/upstream')
  await ask(id, 'http500')
  const line = await unknown(desk, id)
  const number = await line.locator('a').textContent()
  assert.match(number, /^\d{16}$/, 'the outcome is named by the number of its application')
  await desk.locator('[data-fact=link].bad').getByText('500').waitFor()
  await desk.locator('[data-fact=person].bad').waitFor()
  await desk.selectOption('#filter-state', 'person')
  await desk.locator('tbody tr', { has: desk.locator(`a[href$="${id}"]`) }).getByText('等待人工').waitFor()
  await accessible(desk, 'the link to the CA')
  await line.locator('[data-test=settle]').click()
  await press(desk, 'do-settle')
  await desk.locator('[data-field="/evidence"]').getByText('必填').waitFor()
  await desk.getByRole('dialog').getByText(number).waitFor()
  await pick(desk, '/outcome', '没有签发')
  await desk.locator('[data-field="/evidence"] textarea').fill('已电话向 CA 值班人员核实，没有签发')
  await press(desk, 'do-settle')
  await line.waitFor({ state: 'detached' })
  await ask(id, 'silent')
  await (await unknown(desk, id)).locator('[data-test=settle]').click()
  await pick(desk, '/outcome', '已签发（提交证书）')
  await desk.locator('[data-field="/evidence"] textarea').fill('CA 值班人员发来证书文件')
  await press(desk, 'do-settle')
  await desk.locator('[data-field="/certificate"]').getByText('必填').waitFor()
  const found = { name: 'found.cer', mimeType: 'application/pkix-cert', buffer: issuedLast() }
  await field(desk, '/certificate').locator('input[type=file]').setInputFiles(found)
  await desk.waitForFunction(() => document.querySelector('[data-field="/certificate"] textarea').value.includes('BEGIN CERTIFICATE'))
  await press(desk, 'do-settle')
  await line.waitFor({ state: 'detached' })
  await desk.to('/operations')
  await desk.locator('.list tbody tr', { hasText: '成功' }).getByRole('link', { name: number }).click()
  await isNow(desk, '待发放')
  await desk.locator('[data-test=certificate]').first().waitFor()
  await finish()
})

test('a certificate whose confirmation the CA has not heard is settled at its job', async () => {
  const id = await reviewed()
  await ask(id, 'no_confirm', 'certConf')
  const desk = await visit('manager', '/upstream')
  await desk.selectOption('#filter-state', 'person')
  const settle = desk.locator('tbody tr', { has: desk.locator(`a[href$="${id}"]`) }).locator('[data-test=settle-job]')
  await seen(desk, 'the job stops at a person', '/outbox-jobs?', settle)
  await settle.click()
  await pick(desk, '/outcome', 'CA 认可该证书（没有收到确认）')
  await desk.locator('[data-field="/evidence"] textarea').fill('CA 值班人员确认证书有效')
  await press(desk, 'do-settle-job')
  await settle.waitFor({ state: 'detached' })
  await finish()
})
