// Counter speed: the walk-in application by the keyboard alone, and the barcode reader that opens an application from anywhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { application, field, isNow, issued, press, standing, steps, type } from './acts.mjs'
import { finish, scan, settings, subjectName, typeSlowly, visit } from './support.mjs'

/** A person who has no mouse: every key is counted, what is typed as one. */
class Hands {
  constructor(page) {
    this.page = page
    this.keys = 0
    this.texts = 0
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key)
    this.keys += keys.length
  }

  /** A text, as the input method hands it over. */
  async type(text) {
    await this.page.keyboard.insertText(text)
    this.texts++
  }

  /** The focus comes to rest in a field. */
  at(selector) {
    return this.page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector)
  }
}

/** All papers are there, and 110 are paid in cash against the receipt: the hand rests on the papers. */
async function accepts(page, hands, receipt) {
  await hands.at('[data-step=acceptance] input')
  await hands.press('a')
  await hands.at('[data-field="/payment/method"] input')
  await hands.press('Space', 'Tab')
  await hands.type('110')
  await hands.press('Tab')
  await hands.type(receipt)
  await hands.press('Control+Enter')
  await isNow(page, '待录入')
}

test('a walk-in application comes from the search to "entered" by the keyboard alone, in few keys', async () => {
  const { certificate } = await issued()
  const page = await visit('acceptor', '/')
  await page.locator('[data-test=who]').waitFor()
  const acceptor = new Hands(page)
  await acceptor.press('n')
  await acceptor.at('[data-field="/business"] select')
  await acceptor.press('ArrowDown', 'ArrowDown')
  assert.equal(await field(page, '/business').locator('option:checked').innerText(), '到期更新')
  await acceptor.press('Tab')
  await acceptor.at('#certificate-search')
  await acceptor.type(certificate.subject_name)
  await acceptor.press('Enter')
  await page.locator('[data-test=chosen]').getByText(certificate.serial).waitFor()
  await acceptor.press('Control+Enter')
  await isNow(page, '待受理')
  await accepts(page, acceptor, `SJ-${certificate.serial.slice(-12)}`)
  const number = /\d{16}/.exec(await page.locator('h1').innerText())[0]

  const desk = await visit('entry_officer', '/')
  await desk.locator('[data-test=who]').waitFor()
  const officer = new Hands(desk)
  await scan(desk, number)
  officer.texts++
  await isNow(desk, '待录入')
  await officer.at('[data-step=entry] input')
  await officer.press('Control+Enter')
  await isNow(desk, '待审核')
  const [keys, texts] = [acceptor.keys + officer.keys, acceptor.texts + officer.texts]
  assert.ok(keys <= 12 && texts <= 4, `${keys} keys and ${texts} texts`)
  await finish()
})

const applicationOf = (page) => /applications\/([0-9a-f-]+)/.exec(page.url())[1]

/** The form of a new certificate is open, for an organisation; the hand rests on its social-security number. */
async function beginsNew(page, hands, ...usage) {
  await hands.press('n')
  await hands.at('[data-field="/business"] select')
  await hands.press('ArrowDown', 'Tab', 'Space')
  assert.equal(await field(page, '/business').locator('option:checked').innerText(), '证书新制')
  assert.equal(await field(page, '/kind').locator('input:checked').getAttribute('value'), 'organisation')
  await hands.press('Tab', ...usage, 'Tab', 'Tab')
  await hands.at('[data-field="/subscriber/social_security_no"] input')
}

test('a new certificate for who walks in comes to "entered" by the keyboard alone, and the next one of the subscriber is a number', async () => {
  const { social_security_no: number, organisation_code: code } = application().subscriber
  const page = await visit('acceptor', '/')
  await page.locator('[data-test=who]').waitFor()
  const acceptor = new Hands(page)
  await beginsNew(page, acceptor)
  for (const text of [number, subjectName(), undefined, code.value, '王小明', '13835100000']) {
    if (text) await acceptor.type(text)
    await acceptor.press('Tab')
  }
  await acceptor.press('Tab')
  await acceptor.at('[data-field="/subscriber/agency_id"] select')
  const agencies = await field(page, '/subscriber/agency_id').locator('option').evaluateAll((all) => all.map((one) => one.value))
  const place = agencies.indexOf(settings.ids.agency)
  await acceptor.press(...Array(place).fill('ArrowDown'), 'Control+Enter')
  await isNow(page, '待经办单位审批')
  await steps.agency(applicationOf(page))
  const receipt = /\d{16}/.exec(await page.locator('h1').innerText())[0]
  await scan(page, receipt)
  await isNow(page, '待受理')
  await accepts(page, acceptor, `SJ-${receipt}`)
  const desk = await visit('entry_officer', '/')
  await desk.locator('[data-test=who]').waitFor()
  const officer = new Hands(desk)
  await scan(desk, receipt)
  await officer.at('[data-step=entry] input')
  await officer.press('Control+Enter')
  await isNow(desk, '待审核')
  const keys = acceptor.keys + officer.keys - place
  assert.ok(keys <= 21 && acceptor.texts <= 7, `${keys} keys and ${acceptor.texts} texts`)

  await page.to('/')
  await page.locator('[data-test=today]').waitFor()
  const again = new Hands(page)
  await beginsNew(page, again, 'ArrowRight')
  await again.type(number)
  await page.locator('[data-test=known]').getByText(receipt).waitFor()
  assert.equal(await field(page, '/subscriber/contact/phone').locator('input').inputValue(), '13835100000')
  await again.press('Control+Enter')
  await isNow(page, '待经办单位审批')
  assert.ok(again.keys <= 9 && again.texts === 1, `${again.keys} keys`)
  await finish()
})

test('the record of another number takes the place of the first, and what was typed stays', async () => {
  const [first, second] = [await standing(), await standing()]
  const page = await visit('acceptor', '/new')
  await field(page, '/business').locator('select').selectOption('issue')
  await type(page, '/subscriber/contact/name', '李明')
  for (const one of [first, second]) {
    await type(page, '/subscriber/social_security_no', one.subscriber.social_security_no)
    await page.locator('[data-test=known]').getByText(one.subscriber.name).waitFor()
    const values = await page.locator('.rest [data-field] input').evaluateAll((all) => all.map((input) => input.value))
    for (const text of [one.subscriber.name, one.subscriber.organisation_code.value, '李明']) assert.ok(values.includes(text), `${text} in ${values}`)
  }
  await type(page, '/subscriber/social_security_no', '1400000000')
  await page.locator('[data-test=known]').waitFor({ state: 'detached' })
  await page.waitForFunction(() => !document.querySelector('[data-field="/subscriber/organisation_code/value"] input').value)
  assert.equal(await field(page, '/subscriber/contact/name').locator('input').inputValue(), '李明')
  await finish()
})

test('a barcode reader opens the application from any page, and the field that had the focus keeps what was in it', async () => {
  const made = await standing()
  const page = await visit('acceptor', '/subscribers')
  await page.locator('#filter-name').fill('太原')
  await scan(page, made.number)
  await isNow(page, '待经办单位审批')
  assert.ok(page.url().includes(made.id))

  await page.to('/new')
  await field(page, '/business').locator('select').selectOption('issue')
  await type(page, '/subscriber/region', '1401')
  await type(page, '/note', '第一行\n第二行')
  const fields = ['[data-field="/subscriber/region"] input', '[data-field="/note"] textarea', '[data-field="/business"] select']
  for (const place of [...fields, 'body']) {
    if (place === 'body') await page.evaluate(() => document.activeElement.blur())
    else await page.locator(place).focus()
    await scan(page, made.number)
    await isNow(page, '待经办单位审批')
    await page.to('/new')
    await page.locator('[data-field="/note"] textarea').waitFor()
    assert.equal(await page.locator('[data-field="/subscriber/region"] input').inputValue(), '1401')
    assert.equal(await page.locator('[data-field="/note"] textarea').inputValue(), '第一行\n第二行')
    assert.equal(await page.locator('[data-field="/business"] select').inputValue(), 'issue')
  }
  await finish()
})

test('what a person types stays where it is typed, and a number nobody has is said', async () => {
  const page = await visit('acceptor', '/new')
  await field(page, '/business').locator('select').selectOption('issue')
  const note = page.locator('[data-field="/note"] textarea')
  await note.focus()
  await typeSlowly(page, '2026112312345673')
  assert.equal(await note.inputValue(), '2026112312345673\n')
  assert.ok(page.url().endsWith('#/new'))
  page.guard.allow(/404/)
  await scan(page, '2026112312345673')
  await page.locator('[role=alert]').getByText('2026112312345673').waitFor()
  assert.equal(await note.inputValue(), '2026112312345673\n')
  await press(page, 'close-notice')
  await page.locator('[role=alert]').waitFor({ state: 'detached' })
  await field(page, '/business').locator('select').selectOption('revoke')
  await page.fill('#certificate-search', '没有这个单位')
  await press(page, 'find-certificate')
  await page.getByText('没有找到证书').waitFor()
  await finish()
})
