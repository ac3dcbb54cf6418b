// What the browser tests share: one Chromium per file, an identity per context, and the demands on every page.
// What was to be seen when a test failed is kept: of each page its address, its words, what it said and asked for, and a picture.
// A page fails its test by a violation of the content security policy, an error on the console, an error nobody caught, a request
// to another host, or two different requests under one Idempotency-Key.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { after, afterEach, before } from 'node:test'
import assert from 'node:assert/strict'

const require = createRequire(`${process.env.RA_NODE_MODULES}/`)
const { chromium, request } = require('playwright-core')
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export const settings = JSON.parse(readFileSync(process.env.RA_BROWSER_SETTINGS, 'utf8'))
export const output = process.env.RA_BROWSER_OUTPUT
export const { urls, people } = settings

let browser
const open = []
const LAUNCH = {
  executablePath: process.env.RA_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
}
const LOOKS = {
  locale: 'zh-CN', timezoneId: 'Asia/Shanghai', viewport: { width: 1280, height: 900 }, acceptDownloads: true,
  // Nothing moves: a colour is what it will be, a dialog is there or gone.
  reducedMotion: 'reduce',
}

/** The names (data-test) of what was pressed: test_browser.py holds them against the buttons of all pages. */
const pressed = new Set()

/** What is told to test_browser.py lies beside the settings. */
const tell = (name, value) => writeFileSync(join(dirname(process.env.RA_BROWSER_SETTINGS), name), JSON.stringify(value))

before(async () => { browser = await chromium.launch(LAUNCH) })
after(async () => {
  await browser?.close()
  tell('pressed.json', [...pressed].sort())
})

/** By the name of a test that failed: what was to be seen on its pages. */
const failures = {}
const LAST = 40

async function seenOn(page, picture) {
  await page.screenshot({ path: picture, fullPage: true, timeout: 10_000 }).catch(() => undefined)
  const words = await page.locator('body').innerText({ timeout: 5_000 }).catch((error) => `no words: ${error.message}`)
  return [`page ${page.url()}, picture ${picture}`, words]
}

/** A test that failed has left its pages. */
afterEach(async (t) => {
  const left = open.splice(0)
  const seen = []
  for (const [place, { context, guard, ended }] of left.entries()) {
    for (const [number, page] of context.pages().entries()) {
      const picture = `${output}/failed-${t.name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}-${place}-${number}.png`
      seen.push(...(await seenOn(page, picture)), ...guard.last)
    }
    await context.close()
    ended?.()
  }
  if (!left.length) return
  failures[t.name] = seen.join('\n')
  tell('failures.json', failures)
})

const certificates = (who) => (who ? [urls.staff, urls.api].map((origin) => ({ origin, certPath: who.cert, keyPath: who.key })) : [])
const identity = (role) => people[role] ?? settings[role]

/** What went wrong on the pages of a context; `expected` patterns are announced faults. */
export class Guard {
  constructor() {
    this.faults = []
    this.expected = []
    /** What was said and asked for last, for the reader of a failure. */
    this.last = []
  }

  tell(what) {
    this.last = [...this.last.slice(1 - LAST), what]
  }

  allow(...patterns) {
    this.expected.push(...patterns)
  }

  note(kind, text) {
    this.faults.push(`${kind}: ${text}`)
  }

  check() {
    const left = this.faults.filter((one) => !this.expected.some((pattern) => pattern.test(one)))
    assert.deepEqual(left, [], 'a page did what no page may do')
  }
}

/** An Idempotency-Key belongs to one exact request. */
function watchKeys(context, guard) {
  const requests = new Map()
  context.on('request', (sent) => {
    const { 'idempotency-key': key, 'if-match': version } = sent.headers()
    if (!key) return
    const request = JSON.stringify([sent.method(), sent.url(), version, sent.postData()])
    if ((requests.get(key) ?? request) !== request) guard.note('key', `${requests.get(key)} and ${request}`)
    requests.set(key, request)
  })
}

function watch(context, guard) {
  watchKeys(context, guard)
  const own = new Set(Object.values(urls).map((url) => new URL(url).host))
  context.on('page', (page) => {
    page.on('console', (message) => {
      guard.tell(`console ${message.type()}: ${message.text()}`)
      if (message.type() === 'error') guard.note('console', `${message.text()} ${message.location().url}`)
    })
    page.on('pageerror', (error) => guard.note('page', error.message))
    page.on('crash', () => guard.note('page', 'crashed'))
  })
  context.on('response', (got) => guard.tell(`${got.status()} ${got.request().method()} ${got.url()}`))
  context.on('requestfailed', (sent) => guard.tell(`${sent.failure()?.errorText} ${sent.method()} ${sent.url()}`))
  context.on('request', (sent) => {
    const url = new URL(sent.url())
    if (url.protocol.startsWith('http') && !own.has(url.host)) guard.note('other host', sent.url())
  })
}

/** A page of the context that no fault escapes. */
async function guarded(context, host, ended) {
  const guard = new Guard()
  open.push({ context, guard, ended })
  watch(context, guard)
  await context.exposeFunction('raPressed', (name) => { pressed.add(name) })
  await context.addInitScript(() => {
    document.addEventListener('click', (event) => {
      const name = event.target.closest('button, summary, a')?.dataset.test
      if (name) globalThis.raPressed(name)
    }, true)
    document.addEventListener('securitypolicyviolation', (event) =>
      console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`))
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  page.guard = guard
  page.home = urls[host]
  page.to = (where) => page.goto(`${urls[host]}/#${where}`)
  return page
}

/**
 * A page of a browser of its own with the HOME (its certificate store is there) and the profile in it. It verifies the servers.
 * @param ended called when the browser is gone
 */
export async function visitOwn(home, ended) {
  const context = await chromium.launchPersistentContext(`${home}/profile`, { ...LAUNCH, ...LOOKS, env: { ...process.env, HOME: home } })
  return guarded(context, 'staff', ended)
}

/**
 * A page with the certificate of a role (none: without). Chromium writes each refused request to the console: the refusals that a test
 * means are announced with page.guard.allow(/pattern/).
 */
export async function visit(role, path = '/', options = {}) {
  const host = options.host ?? (role || options.staff ? 'staff' : 'public')
  const context = await browser.newContext({
    ...LOOKS, ignoreHTTPSErrors: true, clientCertificates: certificates(identity(role)), ...options.context,
  })
  const page = await guarded(context, host)
  await page.goto(urls[host] + (path.startsWith('/?') ? path : `/#${path}`))
  return page
}

/** The page of a role that the test has open already, or a new one: people stay at their desks. */
export async function desk(role, path) {
  const page = open.find((one) => one.role === role)?.page
  if (!page) {
    const made = await visit(role, path)
    Object.assign(open.at(-1), { role, page: made })
    return made
  }
  if (page.url() !== `${urls.staff}/#${path}`) await page.to(path)
  else if (path.startsWith('/applications/')) await page.click('[data-test=refresh]')
  else await page.reload()
  return page
}

/** Demands that nothing went wrong on the pages that the test opened, and ends them. Every test calls it at its end. */
export async function finish() {
  for (const { guard } of open) guard.check()
  const done = open.splice(0)
  for (const { context, ended } of done) {
    await context.close()
    ended?.()
  }
  for (const { guard } of done) guard.check()
}

/** Waits for what happens by itself on the server. */
export async function until(what, condition) {
  const end = Date.now() + 60_000
  while (!(await condition())) {
    assert.ok(Date.now() < end, what)
    await new Promise((go) => setTimeout(go, 200))
  }
}

/** Presses the digits and Enter, so many milliseconds apart by the clock of the events: how fast the machine is does not matter. */
async function digits(page, text, apart) {
  const session = await page.context().newCDPSession(page)
  let timestamp = Date.now() / 1000
  const keys = [
    ...[...text].map((digit) => ({ key: digit, code: `Digit${digit}`, text: digit, windowsVirtualKeyCode: digit.charCodeAt(0) })),
    { key: 'Enter', code: 'Enter', text: '\r', windowsVirtualKeyCode: 13 }]
  for (const key of keys) {
    timestamp += apart / 1000
    await session.send('Input.dispatchKeyEvent', { type: 'keyDown', timestamp, ...key })
    await session.send('Input.dispatchKeyEvent', { type: 'keyUp', timestamp: timestamp + 0.001, ...key, text: undefined })
  }
  await session.detach()
}
/** What a barcode reader does: it types the digits and Enter in one go. */
export const scan = (page, text) => digits(page, text, 8)
/** What a person does. */
export const typeSlowly = (page, text) => digits(page, text, 400)

/** The page has come to rest: the one that was asked for is there, with what it reads. */
export async function rests(page) {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('html[data-under-way], [aria-busy=true]'))
}

/** No serious finding of axe in the page when it has come to rest. */
export async function accessible(page, what) {
  await rests(page)
  const [moving, hasAxe] = await page.evaluate(() => [document.getAnimations().length, 'axe' in globalThis])
  assert.equal(moving, 0, `${what} moves`)
  if (!hasAxe) await page.evaluate(axeSource)
  const found = await page.evaluate(async () => (await globalThis.axe.run(document, { resultTypes: ['violations'] })).violations)
  const serious = found.filter((one) => ['serious', 'critical'].includes(one.impact))
  const places = (one) => one.nodes.map((node) => `${node.target} ${node.any?.[0]?.message ?? ''}`).slice(0, 3).join(' | ')
  assert.deepEqual(serious.map((one) => `${one.id}: ${places(one)}`), [], `accessibility of ${what}`)
}

/** Calls the API as a role, for what a test needs and no page is tested for. */
export async function caller(role) {
  const host = role === 'system' ? 'api' : 'staff'
  const context = await request.newContext({ ignoreHTTPSErrors: true, clientCertificates: certificates(identity(role)) })
  return {
    async call(method, path, body, etag, type = 'application/json') {
      const headers = {
        'X-RA-Request': '1', Origin: urls[host], 'Sec-Fetch-Site': 'same-origin', 'Accept-Language': 'zh-CN',
        'Idempotency-Key': crypto.randomUUID(), ...(etag ? { 'If-Match': etag } : {}),
        ...(body === undefined ? {} : { 'Content-Type': type }),
      }
      const sent = { method, headers, ...(body === undefined ? {} : { data: body }) }
      const response = await context.fetch(`${urls[host]}/api/v1${path}`, sent)
      const text = await response.text()
      assert.ok(response.ok(), `${method} ${path} as ${role}: ${response.status()} ${text}`)
      return { data: text ? JSON.parse(text) : undefined, etag: response.headers().etag, status: response.status() }
    },
    /** Any request, with the caller's certificate or without. */
    fetch: (url, what) => context.fetch(url, what),
    close: () => context.dispose(),
  }
}

/** Runs SQL on the instance's database, for what only time brings. */
export function sql(statement) {
  const words = ['--no-defaults', '--protocol=socket', `--socket=${settings.db_socket}`, '--user=root', '--batch', '--skip-column-names',
    '--default-character-set=utf8mb4', 'ra']
  return execFileSync('mariadb', words, { input: statement, encoding: 'utf8' }).trim()
}

let names = 0
/** A subject name nobody has yet. */
export const subjectName = () => `山西晋阳浏览信息技术有限公司${process.pid}${String(++names).padStart(3, '0')}`
