// Every page in both languages and both colours, in large text, on a phone and on a desk: readable for everybody, nothing cut off.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issued, standing } from './acts.mjs'
import { accessible, finish, urls, visit } from './support.mjs'
import { fillIn } from './wizard.mjs'

const PHONE = { width: 360, height: 740 }
const DESK = { width: 1280, height: 900 }
const PORTAL = ['/status', '/guide', '/guide/reissue_damaged', '/prefill', '/receipt', '/progress', '/downloads', '/knowledge', '/knowledge/ekey-locked',
  '/faults', '/certificate-check']

/** Pairs of all: each language, colour and size with each other. */
const LOOKS = [
  { language: 'zh-CN', scheme: 'light', size: PHONE }, { language: 'zh-CN', scheme: 'dark', size: DESK },
  { language: 'en', scheme: 'light', size: DESK }, { language: 'en', scheme: 'dark', size: PHONE }, { language: 'zh-CN', scheme: 'light', size: PHONE, large: true },
]

async function wear(page, { language, scheme, size, large }) {
  await page.setViewportSize(size)
  if ((await page.evaluate(() => document.documentElement.lang)) !== language) await page.click('[data-test=language]')
  await page.selectOption('[data-test=scheme]', scheme)
  const pressed = await page.getAttribute('[data-test=large-text]', 'aria-pressed')
  if ((pressed === 'true') !== !!large) await page.click('[data-test=large-text]')
}

/** The page has come to rest: a heading is there and nothing is being read. */
async function rests(page) {
  await page.locator('h1').first().waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'))
}

async function looksRight(page, path, look) {
  const what = `${path} ${look.language} ${look.scheme} ${look.size.width}${look.large ? ' large' : ''}`
  await page.to(path)
  await rests(page)
  const wide = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1
    && !one.closest('.scroll, .skip, .ra-hidden, [role=region]') && getComputedStyle(one).position !== 'absolute').map((one) => `${one.tagName}.${one.className}`))
  assert.deepEqual(wide.slice(0, 3), [], `${what} is wider than the window`)
  await accessible(page, what)
}

test('the pages of the portal are readable in every look', async () => {
  const page = await visit(undefined, '/prefill')
  await fillIn(page)
  for (const look of LOOKS) {
    await wear(page, look)
    for (const path of PORTAL) await looksRight(page, path, look)
  }
  await finish()
})

test('the pages of the counter are readable in every look', async () => {
  const { application, certificate } = await issued()
  const page = await visit('acceptor')
  await rests(page)
  const paths = ['/', '/new', '/applications', `/applications/${application.id}`, '/subscribers', `/subscribers/${application.subscriber.id}`, `/certificates/${certificate.id}`]
  for (const look of LOOKS) {
    const wide = { ...look, size: DESK }
    await wear(page, wide)
    for (const path of paths) await looksRight(page, path, wide)
  }
  await finish()
})

/** The pages of those who are not at the counter, by who opens them. */
const OFFICE = {
  review_officer: ['/'], administrator: ['/people', '/offices', '/systems', '/upstream', '/operations'], auditor: ['/audit', '/checkpoints'],
  manager: ['/clock', '/notices?state=open', '/reports', '/certificates'],
}

test('the pages of the office are readable in every look', async () => {
  const { id } = await standing('agency', 'acceptance', 'entry')
  for (const [role, pages] of Object.entries({ ...OFFICE, review_officer: [...OFFICE.review_officer, `/applications/${id}`] })) {
    const page = await visit(role)
    await rests(page)
    for (const look of LOOKS.filter((one) => one.size === DESK || one.large)) {
      const wide = { ...look, size: DESK }
      await wear(page, wide)
      for (const path of pages) await looksRight(page, path, wide)
    }
  }
  await finish()
})

test('hashed files are kept for ever, pages are asked for again', async () => {
  const page = await visit()
  const seen = []
  page.on('response', (got) => { if (got.url().startsWith(urls.public)) seen.push(got) })
  await page.reload()
  await rests(page)
  const assets = seen.filter((one) => new URL(one.url()).pathname.startsWith('/assets/'))
  assert.ok(assets.length > 3)
  for (const one of assets) {
    assert.match(new URL(one.url()).pathname, /-[\w-]{8,}\.(js|css|woff2?|svg)$/, 'the name has a hash')
    assert.match(one.headers()['cache-control'], /max-age=31536000, immutable/)
  }
  const entry = seen.find((one) => new URL(one.url()).pathname === '/')
  assert.match(entry.headers()['cache-control'], /no-cache/)
  await finish()
})
