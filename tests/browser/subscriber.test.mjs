// The subscriber's pages: forms filled in beforehand, their progress, and everything that helps without a login.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { accessible, caller, finish, people, scan, settings, subjectName, until, urls, visit } from './support.mjs'
import { printed } from './paper.mjs'
import { fillIn, fillSubscriber, next, receipt, socialSecurityNumber, uscc } from './wizard.mjs'

const heading = (page, words) => page.getByRole('heading', { name: words, level: 2, exact: true }).waitFor()

/** The button opens the print dialogue. */
async function prints(page, name) {
  await page.evaluate(() => { window.print = () => { document.title = 'printed' } })
  await page.click(`[data-test=${name}]`)
  await page.waitForFunction(() => document.title === 'printed')
}

test('a form filled in at home becomes an application at the counter', async () => {
  const page = await visit()
  await page.click('text=在线填表')
  await page.getByText('填表不等于提交申请').waitFor()
  await next(page)
  assert.equal(await page.locator('[data-pointer=kind] [role=alert]').innerText(), '必填')
  await accessible(page, 'the first step')
  await page.selectOption('#kind', 'organisation')
  await page.getByText('营业执照副本复印件').waitFor()
  await next(page)
  await heading(page, '订户')
  const code = uscc()
  await page.fill('#code', code.slice(0, 17) + (code[17] === 'A' ? 'B' : 'A'))
  await page.getByText('校验位不符，请核对').waitFor()
  await page.fill('#code', code)
  await page.getByText('校验通过').waitFor()
  const typed = await fillSubscriber(page, { code })
  await accessible(page, 'the second step')
  await page.reload()
  await page.getByText('已恢复上次填写的内容').waitFor()
  assert.equal(await page.inputValue('#name'), typed.name)
  assert.equal(await page.inputValue('#code'), code)
  await next(page)
  await heading(page, '证书')
  await page.fill('#subject', typed.name)
  await page.selectOption('#years', '2')
  await accessible(page, 'the third step')
  await next(page)
  await heading(page, '核对')
  await page.getByText(typed.number, { exact: true }).waitFor()
  await accessible(page, 'the last step')
  await page.click('[data-test=previous]')
  assert.equal(await page.inputValue('#subject'), typed.name)
  await next(page)
  await page.click('[data-test=hand-in]')
  const { number, code: secret } = await receipt(page)
  assert.equal(await page.locator('[data-test=receipt] svg').getAttribute('data-text'), number + secret)
  await accessible(page, 'the receipt')
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.click('[data-test=copy]')
  await page.getByRole('button', { name: '已复制' }).waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${number} ${secret}`)
  assert.equal(await page.evaluate(() => localStorage.getItem('ra.prefill')), null, 'what was handed in stays in no storage')
  await page.reload()
  assert.deepEqual(await receipt(page), { number, code: secret })

  const counter = await caller('acceptor')
  const found = (await counter.call('GET', `/prefills/${number}${secret}`)).data
  assert.equal(found.form.subscriber.name, typed.name)
  assert.equal(found.form.validity_years, 2)
  const made = (await counter.call('POST', '/applications', { business: 'issue', prefill_number: number })).data
  assert.equal(made.number, number)
  await counter.close()

  await page.getByRole('link', { name: '进度查询' }).last().click()
  await page.fill('#tail', secret.slice(-6))
  await page.click('[data-test=ask]')
  await page.getByText('等待主管社保经办单位批准').waitFor()
  assert.match(await page.locator('[aria-current=step]').innerText(), /经办单位审批/)
  await accessible(page, 'the progress')
  await finish()
})

test('the counter scans the QR code of a form and makes an application of it', async () => {
  const home = await visit(undefined, '/prefill')
  const { number, code, name } = await fillIn(home, { usage: 'pair' })
  const counter = await visit('acceptor')
  await counter.locator('[data-test=who]').waitFor()
  counter.guard.allow(/404/)
  await scan(counter, number + code)
  await counter.locator('[data-test=prefill]').getByText(name).first().waitFor()
  await counter.locator('[data-value=usage]').getByText('双证书').waitFor()
  await counter.locator('[data-value=agency]').getByText('太原市社会保险经办中心').waitFor()
  await accessible(counter, 'a form filled in beforehand')
  await counter.click('[data-test=make]')
  await counter.waitForURL(/#\/applications\/[0-9a-f-]{36}$/)
  await counter.getByText(number).first().waitFor()
  await counter.goto(`${counter.home}/#/`)
  await counter.fill('#number-search', number)
  await counter.press('#number-search', 'Enter')
  await counter.waitForURL(/#\/applications\/[0-9a-f-]{36}$/)
  await finish()
})

test('the form prints on three A4 pages, a copy each', async () => {
  const page = await visit(undefined, '/prefill')
  const { number, code, name } = await fillIn(page)
  await prints(page, 'print-copies')
  const pages = await printed(page, 'prefill')
  assert.equal(pages.length, 3)
  for (const [place, words] of ['第一联', '第二联', '第三联'].entries()) {
    for (const word of [words, '单位证书申请(更新)表', number, name, '盖章', '营业执照副本复印件']) {
      assert.ok(pages[place].includes(word), `${word} on copy ${place + 1}`)
    }
    assert.ok(!pages[place].includes('打印'), 'buttons are not printed')
  }
  assert.deepEqual(pages.map((one) => one.includes(code)), [false, false, true], 'the code is on the subscriber’s copy')
  const codes = await page.locator('[data-test=copies] svg').evaluateAll((all) => all.map((one) => one.dataset.text))
  assert.deepEqual(codes, [number, number, number + code])
  await page.click('[data-test=language]')
  assert.ok((await printed(page, 'prefill-en'))[0].includes('统一社会信用代码'), 'papers are in Chinese')
  await finish()
})

test('every business can be filled in', async () => {
  const page = await visit(undefined, '/guide')
  await page.locator('.cards a').first().waitFor()
  const names = await page.locator('.cards a').allInnerTexts()
  assert.equal(names.length, 10)
  for (const name of names) {
    await page.goto(`${page.home}/#/guide`)
    await page.getByRole('link', { name, exact: true }).click()
    await page.click('[data-test=start]')
    await heading(page, '业务')
    assert.equal(await page.locator('#business option:checked').innerText(), name)
    await page.selectOption('#kind', 'organisation')
    await next(page)
    const typed = await fillSubscriber(page)
    await next(page)
    for (const [id, value] of [['old-name', typed.name], ['token-serial', 'EK1'], ['token-date', '2026-03-01']]) {
      if (await page.locator(`#${id}`).count()) await page.fill(`#${id}`, value)
    }
    if (name === '证书新制') await page.fill('#subject', typed.name)
    if (await page.locator('#cause').count()) await page.selectOption('#cause', 'lost')
    if (await page.locator('#reason').count()) await page.selectOption('#reason', 'key_compromise')
    await next(page)
    await page.click('[data-test=hand-in]')
    await receipt(page)
    assert.equal((await printed(page, 'business')).length, 3, name)
    await page.click('[data-test=another]')
  }
  await finish()
})

test('a person is asked for an identity document, and a refusal of the server leads to its field', async () => {
  const page = await visit(undefined, '/prefill')
  await page.selectOption('#kind', 'person')
  await next(page)
  const id = settings.resident_ids[0]
  await page.fill('#document', id.slice(0, 17) + (id[17] === '1' ? '2' : '1'))
  await page.getByText('校验位不符，请核对').waitFor()
  await page.fill('#document', id)
  await page.getByText('校验通过').waitFor()
  const person = { name: '王小明', number: socialSecurityNumber(), contact: '王小明', phone: '13835100001' }
  for (const [field, value] of Object.entries(person)) await page.fill(`#${field}`, value)
  await page.selectOption('#agency', settings.ids.agency)
  await next(page)
  await page.fill('#subject', '王\u202e小明')
  await next(page)
  page.guard.allow(/422/)
  await page.click('[data-test=hand-in]')
  await page.locator('[data-pointer=subject] [role=alert]').waitFor()
  assert.match(await page.locator('[data-pointer=subject] [role=alert]').innerText(), /易混淆/)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'subject')
  await page.fill('#subject', '王小明')
  await next(page)
  await page.click('[data-test=hand-in]')
  await receipt(page)
  await finish()
})

test('a lost network loses nothing that was typed', async () => {
  const page = await visit(undefined, '/prefill')
  await page.selectOption('#kind', 'organisation')
  await next(page)
  const typed = await fillSubscriber(page)
  await next(page)
  await page.fill('#subject', typed.name)
  await next(page)
  page.guard.allow(/ERR_INTERNET_DISCONNECTED/)
  await page.context().setOffline(true)
  await page.click('[data-test=hand-in]')
  await page.getByText('网络中断').waitFor()
  await page.context().setOffline(false)
  await page.getByRole('button', { name: '重试' }).click()
  await receipt(page)
  await finish()
})

test('what was typed can be cleared', async () => {
  const page = await visit(undefined, '/prefill')
  await page.selectOption('#kind', 'server')
  await page.waitForFunction(() => localStorage.getItem('ra.prefill')?.includes('server'))
  await page.click('[data-test=clear]')
  assert.equal(await page.inputValue('#kind'), '')
  await page.waitForFunction(() => localStorage.getItem('ra.prefill') === null)
  await finish()
})

test('what was left for more than a week is gone, whatever page is opened', async () => {
  const page = await visit(undefined, '/prefill')
  await page.selectOption('#kind', 'server')
  await page.waitForFunction(() => localStorage.getItem('ra.prefill')?.includes('server'))
  const leave = (days) => page.evaluate((age) => {
    const kept = JSON.parse(localStorage.getItem('ra.prefill'))
    localStorage.setItem('ra.prefill', JSON.stringify({ ...kept, at: Date.now() - age * 86_400_000 }))
    location.hash = '#/status'
  }, days)
  await leave(6)
  await page.waitForSelector('#subject')
  await page.reload()
  await page.waitForSelector('#subject')
  assert.match(await page.evaluate(() => localStorage.getItem('ra.prefill')), /server/)
  await leave(8)
  await page.reload()
  await page.waitForFunction(() => localStorage.getItem('ra.prefill') === null)
  await finish()
})

test('progress tells a rejection, and a wrong try what to compare', async () => {
  const page = await visit(undefined, '/prefill')
  const { number, code } = await fillIn(page)
  const counter = await caller('acceptor')
  const made = await counter.call('POST', '/applications', { business: 'issue', prefill_number: number })
  const agency = await caller('agency')
  const rejection = { decision: 'reject', reason: '未参保', guidance: '请先办理参保登记' }
  await agency.call('POST', `/applications/${made.data.id}/agency-decision`, rejection, made.etag)
  await Promise.all([counter.close(), agency.close()])
  await page.goto(`${page.home}/#/progress`)
  await page.fill('#number', '2026112312345678')
  await page.getByText('受理号为 16 位数字，请核对').waitFor()
  await page.fill('#number', number)
  await page.fill('#tail', code.slice(-6) === '000000' ? '000001' : '000000')
  page.guard.allow(/404/)
  await page.click('[data-test=ask]')
  await page.locator('[data-code=progress-not-found]').waitFor()
  await accessible(page, 'a progress query that found nothing')
  await page.fill('#tail', code.slice(-6))
  await page.click('[data-test=ask]')
  await page.getByText('请先办理参保登记').waitFor()
  await page.getByText('未参保').waitFor()
  await finish()
})

test('each guide tells materials by kind, steps and fee', async () => {
  const page = await visit(undefined, '/guide/issue')
  await page.getByText('营业执照副本复印件').waitFor()
  await page.getByLabel('个人').check()
  await page.getByText('申请人身份证').first().waitFor()
  assert.equal(await page.getByText('营业执照副本复印件').count(), 0)
  assert.equal(await page.locator('[data-test=steps] li').count(), 8)
  await accessible(page, 'a guide')
  await prints(page, 'print-guide')
  await page.click('[data-test=language]')
  await page.getByText('Your supervising agency approves').waitFor()
  await page.goto(`${page.home}/#/guide/nothing`)
  await page.getByText(/没有这项业务|There is no such business/).waitFor()
  await finish()
})

test('a fault is found by its code, with the minus sign, without it, and in a whole message', async () => {
  const page = await visit(undefined, '/faults')
  await page.locator('[data-code="-10101042"]').waitFor()
  for (const typed of ['-10101039', '10101039', '－１０１０１０３９', '错误：-10101039，提示证书已过期']) {
    await page.fill('#code', typed)
    await page.click('[data-test=find-fault]')
    await page.waitForURL(/code=10101039/)
    await page.locator('[data-code="-10101042"]').waitFor({ state: 'detached' })
    await page.locator('[data-code="-10101039"]').waitFor()
    assert.equal(await page.locator('article[data-code]').count(), 1)
    await page.goto(`${page.home}/#/faults`)
    await page.locator('[data-code="-10101042"]').waitFor()
  }
  await page.fill('#code', '4711')
  await page.click('[data-test=find-fault]')
  await page.locator('[data-test=none]').waitFor()
  await accessible(page, 'the fault finder')
  await page.goto(`${page.home}/#/faults?code=10101039`)
  await page.getByRole('link', { name: '详细说明' }).click()
  await page.getByRole('heading', { name: '证书到期了怎么办' }).waitFor()
  await finish()
})

test('every article of the knowledge base opens', async () => {
  const page = await visit(undefined, '/knowledge')
  await page.locator('.articles a').first().waitFor()
  const links = await page.locator('.articles a').allInnerTexts()
  assert.ok(links.length >= 10)
  await accessible(page, 'the knowledge base')
  for (const name of links) {
    await page.goto(`${page.home}/#/knowledge`)
    await page.getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { name, level: 1, exact: true }).waitFor()
  }
  await accessible(page, 'an article')
  page.guard.allow(/404/)
  await page.goto(`${page.home}/#/knowledge/nothing`)
  await page.locator('[data-code=not-found]').waitFor()
  await finish()
})

test('a download is the file that its SHA-256 names', async () => {
  const page = await visit(undefined, '/downloads')
  await page.getByRole('heading', { name: 'CA 证书链' }).waitFor()
  await accessible(page, 'the downloads')
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=CA 证书链')])
  assert.equal(download.suggestedFilename(), 'ca-chain.pem')
  const digest = createHash('sha256').update(readFileSync(await download.path())).digest('hex')
  await page.getByText(digest).waitFor()
  await finish()
})

test('the certificate check says what is wrong with a file', async () => {
  const page = await visit(undefined, '/certificate-check')
  await accessible(page, 'the certificate check')
  const upload = (name, buffer) => page.setInputFiles('#file', { name, mimeType: 'application/pkix-cert', buffer })
  await upload('mine.cer', firstCertificate(people.acceptor.cert))
  await page.getByText('此证书可以用于登录').waitFor()
  await upload('stranger.cer', firstCertificate(settings.stranger.cert))
  await page.locator('[data-finding=unknown]').waitFor()
  await page.locator('[data-code="-10101042"]').waitFor()
  await accessible(page, 'an answer of the certificate check')
  page.guard.allow(/422/)
  await upload('letter.cer', Buffer.from('Dear Sir'))
  await page.locator('[data-code=certificate-unreadable]').waitFor()
  await upload('film.cer', Buffer.alloc(70_000))
  await page.getByText('文件过大').waitFor()
  await finish()
})

/** The certificate alone, without its chain. */
function firstCertificate(file) {
  const end = '-----END CERTIFICATE-----\n'
  const pem = readFileSync(file, 'utf8')
  return Buffer.from(pem.slice(0, pem.indexOf(end) + end.length))
}

test('the keyboard alone reaches a number', async () => {
  const page = await visit(undefined, '/prefill')
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key) }
  const focused = (what) => page.evaluate((name) => document.activeElement[name] || document.activeElement.dataset.test, what)
  const reach = async (id) => {
    for (let tabs = 0; tabs < 60 && (await focused('id')) !== id; tabs++) await press('Tab')
    assert.equal(await focused('id'), id, `${id} is reached by Tab`)
  }
  const type = async (id, value) => {
    await reach(id)
    await page.keyboard.type(value)
  }
  await page.locator('#kind').waitFor()
  await reach('kind')
  await press('ArrowDown')
  assert.equal(await page.inputValue('#kind'), 'organisation')
  await reach('next')
  await press('Enter')
  await heading(page, '订户')
  const name = subjectName()
  const typed = { name, number: socialSecurityNumber(), code: uscc(), contact: '李明', phone: '0351-7037581' }
  for (const [id, value] of Object.entries(typed)) await type(id, value)
  await reach('agency')
  await press('ArrowDown')
  await reach('project')
  await press('Enter')
  await heading(page, '证书')
  await type('subject', name)
  await press('Enter')
  await heading(page, '核对')
  await reach('hand-in')
  await press('Enter')
  await receipt(page)
  await finish()
})

test('telephone numbers are on every page', async () => {
  const page = await visit()
  const contacts = page.locator('[data-test=contacts]')
  for (const number of ['400-0351-838', '4009-988-988', '0351-7037581']) await contacts.getByText(number).waitFor()
  await finish()
})

test('what the CA publishes can be had', async () => {
  const anybody = await caller()
  await until('the RA has fetched what the CA publishes', async () => (await anybody.call('GET', '/ca-certificates')).data.items.length
    && (await anybody.fetch(`${urls.public}/api/v1/crl`)).ok())
  await anybody.close()
  const page = await visit(undefined, '/downloads')
  await page.locator('[data-test=save-certificate]').first().waitFor()
  const [certificate] = await Promise.all([page.waitForEvent('download'), page.locator('[data-test=save-certificate]').first().click()])
  assert.match(readFileSync(await certificate.path(), 'utf8'), /^-----BEGIN CERTIFICATE-----/)
  const [crl] = await Promise.all([page.waitForEvent('download'), page.click('[data-test=save-crl]')])
  assert.equal(readFileSync(await crl.path())[0], 0x30, 'DER of a sequence')
  await accessible(page, 'the downloads of the CA')
  await finish()
})
