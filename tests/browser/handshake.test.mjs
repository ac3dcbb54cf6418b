// The real handshake: Chromium itself finds the certificate in its own store (an NSS database in a HOME of its own) and presents it; no
// proxy of the tests is between it and httpd. It offers no certificate that has expired or is of a CA that the server does not name, so
// its owner is told that none was presented; a client that presents one all the same fails in the handshake.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { field, press, type } from './acts.mjs'
import { accessible, caller, finish, people, settings, urls, visit, visitOwn } from './support.mjs'

/** A certificate store, as the EKey's middleware or the system has one. */
class Store {
  constructor() {
    this.home = mkdtempSync(join(tmpdir(), 'ra-store-'))
    this.database = `sql:${join(this.home, '.pki/nssdb')}`
    mkdirSync(join(this.home, '.pki/nssdb'), { recursive: true })
    this.run('certutil', '-N', '--empty-password')
    this.run('certutil', '-A', '-n', 'root', '-t', 'C,,', '-i', settings.root)
    // What a person answers in the browser's window once and for all: the certificate that fits.
    const filters = { [`${urls.staff},*`]: { setting: { filters: [{}] } } }
    mkdirSync(join(this.home, 'profile/Default'), { recursive: true })
    const preferences = { profile: { content_settings: { exceptions: { auto_select_certificate: filters } } } }
    writeFileSync(join(this.home, 'profile/Default/Preferences'), JSON.stringify(preferences))
  }

  run(tool, ...words) {
    const env = { ...process.env, HOME: this.home }
    return execFileSync(tool, ['-d', this.database, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env })
  }

  /** The card with the certificate is plugged in. */
  insert(who) {
    this.run('pk12util', '-i', who.p12, '-W', settings.p12_password)
    return this
  }

  clear() {
    rmSync(this.home, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** A page of a browser whose store holds the certificate. */
async function withStore(who) {
  const store = new Store()
  if (who) store.insert(who)
  const page = await visitOwn(store.home, () => store.clear())
  page.guard.allow(...(who === people.acceptor ? [] : [/403/]))
  await page.goto(`${urls.staff}/#/`)
  return page
}

/** The handshake with a certificate that is presented whatever the server asks for. */
function handshake(who) {
  return new Promise((done, failed) => {
    const { hostname, port } = new URL(urls.staff)
    const files = { cert: readFileSync(who.cert), key: readFileSync(who.key), ca: readFileSync(settings.root) }
    const options = { hostname, port, path: '/api/v1/me', ...files, agent: false }
    get(options, (answer) => answer.resume().on('end', () => done(answer.statusCode)).on('error', failed)).on('error', failed)
  })
}

test('Chromium presents the certificate of its own store, and the console opens', async () => {
  const page = await withStore(people.acceptor)
  await page.locator('[data-test=who]').getByText('王受理').waitFor()
  await finish()
})

test('with no certificate, an expired one or one of another CA, the console and the public host say what is wrong', async () => {
  const cases = [[undefined], [settings.expired, /expired/, '-10101039'], [settings.foreign, /unknown ca/i, '-10101029']]
  for (const [who, refusal, code] of cases) {
    const page = await withStore(who)
    const fault = page.locator('[data-test=identity-fault]')
    await fault.getByText('-10101011').first().waitFor()
    await fault.getByText('证书检测').waitFor()
    await accessible(page, 'the page without a certificate')
    if (!who) continue
    await assert.rejects(handshake(who), refusal)
    await page.goto(`${urls.public}/#/certificate-check`)
    const alone = readFileSync(who.cert, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)[0]
    const mine = { name: 'mine.cer', mimeType: 'application/pkix-cert', buffer: Buffer.from(alone) }
    await page.locator('input[type=file]').setInputFiles(mine)
    await page.locator(`[data-code="${code}"]`).first().waitFor()
  }
  assert.equal(await handshake(people.acceptor), 200)
  await finish()
})

test('a card that is pulled between two requests is said, and what was typed is there when it is back', async () => {
  const page = await visit('acceptor', '/new')
  page.guard.allow(/403/)
  await field(page, '/business').locator('select').selectOption('issue')
  await type(page, '/subject_name', '打了一半的名称')
  const without = await caller()
  await page.route('**/api/**', async (route) => {
    const sent = route.request()
    const same = { method: sent.method(), headers: sent.headers(), data: sent.postData() ?? undefined }
    await route.fulfill({ response: await without.fetch(sent.url(), same) })
  })
  await page.fill('#number-search', '2026112312345673')
  await page.keyboard.press('Enter')
  await page.locator('[data-test=identity-fault]').getByText('-10101011').first().waitFor()
  await page.getByText('您填写的内容还在本页').waitFor()
  await page.unroute('**/api/**')
  await press(page, 'identity-retry')
  await page.locator('[data-test=identity-fault]').waitFor({ state: 'detached' })
  assert.equal(await field(page, '/subject_name').locator('input').inputValue(), '打了一半的名称')
  await without.close()
  await finish()
})
