// What people do on the pages of the console, for the tests: each step of a business by the person of its role.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { caller, desk, settings, subjectName, until, visit } from './support.mjs'

/** A key and its PKCS#10 request as the EKey's tool makes them: some write text, some DER. */
export function ekey(name, form = 'PEM') {
  const folder = mkdtempSync(join(tmpdir(), 'ra-csr-'))
  const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'csr')]
  const key256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync('openssl', ['req', '-new', '-utf8', ...key256, '-subj', `/CN=${name}`, '-outform', form, ...files], { stdio: 'ignore' })
  const made = readFileSync(join(folder, 'csr'))
  const key = readFileSync(join(folder, 'key'), 'utf8')
  rmSync(folder, { recursive: true })
  return { csr: form === 'PEM' ? made.toString('utf8') : made, key }
}
export const request = (name, form) => ekey(name, form).csr

const digits = (length) => String(Math.floor(Math.random() * 10 ** length)).padStart(length, '0')

function subscriber(kind, name) {
  const who = kind === 'person'
    ? { kind: 'person', id_document: { type: 'resident_id', number: settings.resident_ids.pop() } }
    : { kind: 'organisation', organisation_code: { type: 'uscc', value: settings.uscc.pop() } }
  return {
    ...who, name, social_security_no: `14${digits(10)}`, contact: { name: '王小明', phone: '13835100000' },
    region: '140100', agency_id: settings.ids.agency, tier: 'city',
  }
}

/** The body of an application for a new certificate. */
export function application(name = subjectName(), kind = 'organisation') {
  const subject = kind === 'server' ? `www-${process.pid}-${digits(8)}.example.cn` : name
  return { business: 'issue', kind, usage: 'signing', subject_name: subject, validity_years: 1, subscriber: subscriber(kind, name) }
}

/** A new application that stands somewhere: entered over the API, for tests of what comes later. */
export async function submitted(body = application()) {
  const system = await caller('system')
  const made = (await system.call('POST', '/applications', body)).data
  await system.close()
  return made
}

export async function step(role, id, name, body) {
  const api = await caller(role)
  const { data, etag } = await api.call('GET', `/applications/${id}`)
  const answer = await api.call('POST', `/applications/${id}/${name}`, typeof body === 'function' ? body(data) : body, etag)
  await api.close()
  return answer.data
}

/** §2: the full set. */
const MATERIALS = {
  organisation: ['application_form', 'organisation_code_certificate', 'business_licence', 'officer_id'],
  person: ['application_form', 'applicant_id'],
  server: ['application_form', 'icp_licence', 'organisation_code_certificate', 'business_licence', 'applicant_id'],
}
const received = (kind) => MATERIALS[kind]
  .map((material) => ({ material, received: true, sealed: kind !== 'person', signed: kind === 'person' }))

function entered({ kind, subject_name: name, subscriber: who }) {
  const organization = kind === 'person' ? {} : { organization: who.name }
  const names = kind === 'server' ? { dns_names: [name] } : {}
  const subject = { common_name: name, ...organization, country: 'CN' }
  return { certificate: { subject, validity_years: 1, key_algorithms: ['ec_p256', 'rsa'], ...names } }
}

/** What the API is told at a step. */
export const steps = {
  agency: (id) => step('agency', id, 'agency-decision', { decision: 'approve', filing_number: '备-2026-0042' }),
  acceptance: (id) => step('acceptor', id, 'acceptance', (now) => ({
    decision: 'accept', materials: received(now.kind), payment: { method: 'cash', amount: 11000, receipt_number: `SJ-${id}` },
  })),
  entry: (id) => step('entry_officer', id, 'entry', entered),
  review: (id) => step('review_officer', id, 'review', (now) => ({ decision: 'approve', snapshot_sha256: now.snapshot_sha256 })),
  async production(id) {
    const codes = await step('issuing_officer', id, 'codes', {})
    const answer = await step('issuing_officer', id, 'production', (now) => (
      { reference_code: codes.reference_code, authorisation_code: codes.authorisation_code, csr: request(now.subject_name) }))
    return answer.certificate ? answer : madeLater(id)
  },
}

/** The answer was 202: another child runs the job, which takes a moment more. */
async function madeLater(id) {
  const api = await caller('issuing_officer')
  let now
  await until('the certificate is made', async () => (now = (await api.call('GET', `/applications/${id}`)).data).state !== 'in_production')
  const certificate = (await api.call('GET', `/certificates/${now.certificate_id}`)).data
  await api.close()
  return { certificate }
}

/** An application after the steps so far, over the API. */
export const standing = (...names) => standingAs(application(), ...names)
export async function standingAs(body, ...names) {
  const made = await submitted(body)
  for (const name of names) await steps[name](made.id)
  return made
}

/** A certificate in use. */
export async function issued(kind = 'organisation') {
  const made = await submitted(application(kind === 'person' ? '王小明' : subjectName(), kind))
  for (const name of ['agency', 'acceptance', 'entry', 'review']) await steps[name](made.id)
  const answer = await steps.production(made.id)
  const inspection = { passed: true, subject_checked: true, validity_checked: true, key_checked: true }
  await step('issuing_officer', made.id, 'handover', { inspection, recipient: { name: '王小明' } })
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

/** The page of a person or a system: a certificate is bound, without its chain. */
export async function binds(page, who) {
  await press(page, 'open-bind')
  await field(page, '/certificate').locator('textarea').fill(readFileSync(who.cert, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)[0])
  await press(page, 'do-bind')
}

/** Opens the application at the person whose turn it is. */
export const open = (role, id) => visit(role, `/applications/${id}`)

/** What is written down at each step, and the state in which an application waits for it. `run`: what is asked of the business. */
const ACTS = {
  agency_decision: ['待经办单位审批', async (page) => {
    await pick(page, '/decision', '同意')
    await type(page, '/filing_number', '备-2026-0042')
  }],
  acceptance: ['待受理', async (page, run) => {
    await press(page, 'all-materials')
    if (run.fee) {
      await pick(page, '/payment/method', '现金')
      await type(page, '/payment/amount', '110')
      await type(page, '/payment/receipt_number', `SJ-${run.id}`)
    }
    if (run.told) await tick(page, '/subscriber_told')
  }],
  entry: ['待录入', async (page, run) => { if (run.dns) await type(page, '/dns_lines', run.dns) }],
  review: ['待审核', async (page) => {
    await page.locator('[data-test=snapshot]').waitFor()
    await pick(page, '/decision', '同意')
  }],
  production: ['待制证', async (page, run) => {
    await press(page, 'draw-codes')
    const code = await page.locator('[data-test=authorisation-code]').textContent()
    assert.match(code.trim(), /^[0-9A-Z-]{20,}$/)
    if (run.paste) return type(page, '/csr', run.paste)
    const buffer = Buffer.from(request(run.name, run.dns ? 'DER' : 'PEM'))
    await field(page, '/csr').locator('input[type=file]').setInputFiles({ name: 'ekey.csr', mimeType: 'application/pkcs10', buffer })
    return page.waitForFunction(() => document.querySelector('[data-field="/csr"] textarea').value.includes('BEGIN'))
  }],
  handover: ['待发放', async (page) => {
    for (const at of ['subject_checked', 'validity_checked', 'key_checked', 'passed']) await tick(page, `/inspection/${at}`)
  }],
  operation: ['待操作', async (page) => {
    await type(page, '/token_serial', 'EK20260042')
    for (const at of ['/token_present', '/identity_checked', '/seal_present']) await tick(page, at)
  }],
  registration: ['待登记', (page) => type(page, '/register', '2026年登记簿第17号')],
  archive: ['待归档', async (page) => {
    await tick(page, '/electronic_checked')
    await tick(page, '/paper_complete')
    await type(page, '/box_number', '17')
  }],
  completion: ['待办结', (page) => type(page, '/summary', '业务已办理完毕，资料已归档')],
}

/** The lists of steps of docs/business.md, each step with the person who does it here. */
const MADE = [['acceptance', 'acceptor'], ['entry', 'entry_officer'], ['review', 'review_officer'], ['production', 'issuing_officer'],
  ['handover', 'issuing_officer']]
const DECIDED = MADE.slice(0, 3)
const FILED = ['archive', 'archivist']
export const LISTS = {
  A: [['agency_decision', 'agency'], ...MADE, FILED, ['completion', 'issuing_officer']],
  B: [...MADE, FILED, ['completion', 'issuing_officer']],
  C: [...MADE, ['registration', 'issuing_officer'], FILED, ['completion', 'issuing_officer']],
  D: [...DECIDED, FILED, ['completion', 'acceptor']],
  E: [['acceptance', 'acceptor'], ['operation', 'technician'], ['registration', 'technician'], FILED, ['completion', 'technician']],
  H: [...DECIDED, ['registration', 'acceptor'], FILED, ['completion', 'acceptor']],
}

/** One step by the person of its role; who may not do the next one is told why. @return the page */
export async function takes(run, name, role) {
  const list = LISTS[run.list]
  const [next, nextRole] = list[list.findIndex(([one]) => one === name) + 1] ?? []
  const [waits, act] = ACTS[name]
  const page = await desk(role, `/applications/${run.id}`)
  await isNow(page, waits)
  await act(page, run)
  await press(page, `do-${name}`)
  await isNow(page, next ? ACTS[next][0] : '已办结')
  if (next && nextRole !== role) await page.locator('[data-test=obstacle]').waitFor()
  return page
}

/** Every step of a business by its people; ends at the task completion record. */
export async function runs(run, from = 0) {
  let page
  for (const [name, role] of LISTS[run.list].slice(from)) page = await takes(run, name, role)
  return page
}
