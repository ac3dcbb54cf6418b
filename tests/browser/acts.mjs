// What people do on the pages of the console, for the tests: each step of a business by the person of its role.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { caller, settings, subjectName, visit } from './support.mjs'

/** A PKCS#10 request as the EKey's tool makes it. */
export function request(name) {
  const folder = mkdtempSync(join(tmpdir(), 'ra-csr-'))
  const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'csr')]
  execFileSync('openssl', ['req', '-new', '-utf8', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, ...files], { stdio: 'ignore' })
  const text = readFileSync(join(folder, 'csr'), 'utf8')
  rmSync(folder, { recursive: true })
  return text
}

/** The body of an application for a new certificate of an organisation. */
export function application(name = subjectName()) {
  return {
    business: 'issue', kind: 'organisation', usage: 'signing', subject_name: name, validity_years: 1,
    subscriber: {
      kind: 'organisation', name, social_security_no: `14${String(Math.floor(Math.random() * 1e10)).padStart(10, '0')}`,
      organisation_code: { type: 'uscc', value: settings.uscc.pop() }, contact: { name: '王小明', phone: '13835100000' },
      region: '140100', agency_id: settings.ids.agency, tier: 'city',
    },
  }
}

/** A new application that stands somewhere: entered over the API, for tests of what comes later. */
export async function submitted(body = application()) {
  const system = await caller('system')
  const made = (await system.call('POST', '/applications', body)).data
  await system.close()
  return made
}

async function step(role, id, name, body) {
  const api = await caller(role)
  const { data, etag } = await api.call('GET', `/applications/${id}`)
  const answer = await api.call('POST', `/applications/${id}/${name}`, typeof body === 'function' ? body(data) : body, etag)
  await api.close()
  return answer.data
}

const MATERIALS = ['application_form', 'organisation_code_certificate', 'business_licence', 'officer_id']
const steps = {
  agency: (id) => step('agency', id, 'agency-decision', { decision: 'approve', filing_number: '备-2026-0042' }),
  acceptance: (id, fee = true) => step('acceptor', id, 'acceptance', {
    decision: 'accept', materials: MATERIALS.map((material) => ({ material, received: true, sealed: true })),
    ...(fee ? { payment: { method: 'cash', amount: 11000, receipt_number: `SJ-${id}` } } : {}),
  }),
  entry: (id) => step('entry_officer', id, 'entry', (now) => ({ certificate: { subject: { common_name: now.subject_name, organization: now.subscriber.name, country: 'CN' }, validity_years: 1, key_algorithms: ['ec_p256', 'rsa'] } })),
  review: (id) => step('review_officer', id, 'review', (now) => ({ decision: 'approve', snapshot_sha256: now.snapshot_sha256 })),
  async production(id) {
    const codes = await step('issuing_officer', id, 'codes', {})
    return step('issuing_officer', id, 'production', (now) => ({ reference_code: codes.reference_code, authorisation_code: codes.authorisation_code, csr: request(now.subject_name) }))
  },
}

/** An application after the steps so far, over the API. */
export async function standing(...names) {
  const made = await submitted()
  for (const name of names) await steps[name](made.id)
  return made
}

/** A certificate in use. */
export async function issued() {
  const made = await standing('agency', 'acceptance', 'entry', 'review')
  const answer = await steps.production(made.id)
  await step('issuing_officer', made.id, 'handover', { inspection: { passed: true, subject_checked: true, validity_checked: true, key_checked: true }, recipient: { name: '王小明' } })
  await step('archivist', made.id, 'archive', { electronic_checked: true, paper_complete: true, form_copies: [1, 2] })
  await step('issuing_officer', made.id, 'completion', { summary: '证书已制作并发放' })
  return { application: made, certificate: answer.certificate }
}

// On the pages.

export const stateOf = (page) => page.locator('[data-test=state]')
export async function isNow(page, text) {
  await stateOf(page).filter({ hasText: text }).waitFor()
}
export const field = (page, at) => page.locator(`[data-field="${at}"]`)
export const type = (page, at, text) => field(page, at).locator('input, textarea').last().fill(text)
export const tick = (page, at) => field(page, at).locator('input[type=checkbox]').check()
export const pick = (page, at, text) => field(page, at).getByText(text, { exact: true }).click()
export const press = (page, name) => page.click(`[data-test="${name}"]`)

/** Opens the application at the person whose turn it is. */
export const open = (role, id) => visit(role, `/applications/${id}`)

export async function approveForAgency(id) {
  const page = await open('agency', id)
  await pick(page, '/decision', '同意')
  await type(page, '/filing_number', '备-2026-0042')
  await press(page, 'do-agency_decision')
  await isNow(page, '待受理')
}
export async function accept(id, { fee = true, told = false } = {}) {
  const page = await open('acceptor', id)
  await press(page, 'all-materials')
  if (fee) {
    await pick(page, '/payment/method', '现金')
    await type(page, '/payment/amount', '110')
    await type(page, '/payment/receipt_number', `SJ-${id}`)
  }
  if (told) await tick(page, '/subscriber_told')
  await press(page, 'do-acceptance')
  await isNow(page, '待录入')
}
export async function enter(id) {
  const page = await open('entry_officer', id)
  await press(page, 'do-entry')
  await isNow(page, '待审核')
  return page
}
export async function review(id, then = '待制证') {
  const page = await open('review_officer', id)
  await page.locator('[data-test=snapshot]').waitFor()
  await pick(page, '/decision', '同意')
  await press(page, 'do-review')
  await isNow(page, then)
}
export async function produce(id, name) {
  const page = await open('issuing_officer', id)
  await press(page, 'draw-codes')
  const code = await page.locator('[data-test=authorisation-code]').textContent()
  assert.match(code.trim(), /^[0-9A-Z-]{20,}$/)
  await field(page, '/csr').locator('input[type=file]').setInputFiles({ name: 'ekey.csr', mimeType: 'application/pkcs10', buffer: Buffer.from(request(name)) })
  await page.waitForFunction(() => document.querySelector('[data-field="/csr"] textarea').value.includes('BEGIN'))
  await press(page, 'do-production')
  await isNow(page, '待发放')
  return page
}
export async function handOver(id, then = '待归档') {
  const page = await open('issuing_officer', id)
  for (const at of ['subject_checked', 'validity_checked', 'key_checked', 'passed']) await tick(page, `/inspection/${at}`)
  await press(page, 'do-handover')
  await isNow(page, then)
}
export async function file(id) {
  const page = await open('archivist', id)
  await tick(page, '/electronic_checked')
  await tick(page, '/paper_complete')
  await type(page, '/box_number', '17')
  await press(page, 'do-archive')
  await isNow(page, '待办结')
}
export async function complete(role, id) {
  const page = await open(role, id)
  await type(page, '/summary', '业务已办理完毕，资料已归档')
  await press(page, 'do-completion')
  await isNow(page, '已办结')
  return page
}
