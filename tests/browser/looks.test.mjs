// Every page in both languages and both colours, in large text, on a phone and on a desk: readable for everybody, nothing cut off.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issued, standing } from './acts.mjs'
import { accessible, finish, rests, settings, urls, visit } from './support.mjs'
import { fillIn } from './wizard.mjs'

const PHONE = { width: 360, height: 740 }
const DESK = { width: 1280, height: 900 }
const PORTAL = ['/status', '/guide', '/guide/reissue_damaged', '/prefill', '/receipt', '/progress', '/downloads', '/knowledge',
  '/knowledge/ekey-locked', '/faults', '/certificate-check']

/** Pairs of all: each language, colour and size with each other. */
const LOOKS = [
  { language: 'zh-CN', scheme: 'light', size: PHONE }, { language: 'zh-CN', scheme: 'dark', size: DESK },
  { language: 'en', scheme: 'light', size: DESK }, { language: 'en', scheme: 'dark', size: PHONE },
  { language: 'zh-CN', scheme: 'light', size: PHONE, large: true },
]
/** Those of the console, which needs a desk; the first of all is what every other test wears. The next one is Chinese: its words are read. */
const CONSOLE = LOOKS.slice(1).map((one) => ({ ...one, size: DESK }))

async function wear(page, { language, scheme, size, large }) {
  await page.setViewportSize(size)
  if ((await page.evaluate(() => document.documentElement.lang)) !== language) await page.click('[data-test=language]')
  await page.selectOption('[data-test=scheme]', scheme)
  const pressed = await page.getAttribute('[data-test=large-text]', 'aria-pressed')
  if ((pressed === 'true') !== !!large) await page.click('[data-test=large-text]')
}

async function looksRight(page, path, look) {
  const what = `${path} ${look.language} ${look.scheme} ${look.size.width}${look.large ? ' large' : ''}`
  await page.to(path)
  await rests(page)
  const wide = await page.evaluate(() => [...document.querySelectorAll('body *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.scroll, .skip, .ra-hidden, [role=region]')
      && getComputedStyle(one).position !== 'absolute')
    .map((one) => `${one.tagName}.${one.className}`))
  assert.deepEqual(wide.slice(0, 3), [], `${what} is wider than the window`)
  await accessible(page, what)
}

/** What pages say of themselves; what is in a language of its own (papers, the switch) says so. */
const OWN_WORDS = 'th, dt, button, summary, legend, h2, h3, label:not(:has([type=radio], [type=checkbox]))'
/** Names that are the same in both languages. */
const NAMES = /EKey|PEM|CER|CSR|CSV|CRL|PKCS#10|SHA-256|P-256|RSA|ECC|Ctrl|Enter|DNS|SM2|HTTPS?|USB|\.json|\.p7s/g

/** Every word of its own that the page shows is in the language; the switch changes it in place. */
async function speaks(page, path) {
  const others = (foreign) => page.evaluate(([own, names, pattern]) => [...document.querySelectorAll(own)]
    .filter((one) => one.checkVisibility() && !one.closest('[lang]:not(html), [data-test=answer], article, .ra-hidden'))
    .map((one) => one.innerText.replace(new RegExp(names, 'g'), '').trim()).filter((text) => new RegExp(pattern).test(text)),
  [OWN_WORDS, NAMES.source, foreign])
  assert.deepEqual(await others('[A-Za-z]{3}'), [], `${path} in Chinese`)
  await page.click('[data-test=language]')
  await page.waitForFunction(() => document.documentElement.lang === 'en')
  assert.deepEqual(await others('[\u4e00-\u9fff]'), [], `${path} in English`)
  await page.click('[data-test=language]')
  await page.waitForFunction(() => document.documentElement.lang === 'zh-CN')
}

test('the pages of the portal are readable in every look', async () => {
  const page = await visit(undefined, '/prefill')
  await fillIn(page)
  for (const look of LOOKS) {
    await wear(page, look)
    for (const path of PORTAL) {
      await looksRight(page, path, look)
      if (look === LOOKS[1]) await speaks(page, path)
    }
  }
  await finish()
})

test('the services of the portal fold away on a telephone, and the page comes first', async () => {
  const page = await visit(undefined, '/status', { context: { viewport: PHONE } })
  await rests(page)
  const head = await page.locator('header').boundingBox()
  assert.ok(head.height <= 100, `the header takes ${head.height} px`)
  await page.click('[data-test=menu]')
  await accessible(page, 'the open menu')
  await page.getByRole('link', { name: '进度查询' }).click()
  await page.locator('#number').waitFor()
  await page.locator('nav').waitFor({ state: 'hidden' })
  await finish()
})

/** The pages of a person, in every look. */
async function inEveryLook(role, paths) {
  const page = await visit(role)
  await rests(page)
  for (const look of CONSOLE) {
    await wear(page, look)
    for (const path of paths) {
      await looksRight(page, path, look)
      if (look === CONSOLE[0]) await speaks(page, path)
    }
  }
}

test('the pages of the counter are readable in every look', async () => {
  const { application, certificate } = await issued()
  const one = `/applications/${application.id}`
  const { number } = await fillIn(await visit(undefined, '/prefill'))
  await inEveryLook('acceptor', ['/', '/new?business=issue', '/applications', one, `${one}/form`, `${one}/completion-record`, '/subscribers',
    `/subscribers/${application.subscriber.id}`, '/certificates', `/certificates/${certificate.id}`, '/notices?state=open',
    `/prefills/${number}`])
  await finish()
})

test('the pages of the office are readable in every look', async () => {
  const [review, production] = [await standing('agency', 'acceptance', 'entry'), await standing('agency', 'acceptance', 'entry', 'review')]
  await inEveryLook('review_officer', [`/applications/${review.id}`, '/applications?state=awaiting_review'])
  await inEveryLook('issuing_officer', [`/applications/${production.id}`, '/production-sheet'])
  await inEveryLook('administrator', ['/people', `/people/${settings.ids.people.marketing}`, '/offices', '/systems', '/operations'])
  await inEveryLook('auditor', ['/audit', '/checkpoints', '/bulk-operations'])
  await inEveryLook('manager', ['/clock', '/reports', '/upstream'])
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
