// The console as people use it all day: the queue that the server counts, long lists, several rejected at once, notices, pairs,
// deadlines and administration.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { application, binds, ekey, field, issued, press, standing, standingAs, step, submitted, takes, type } from './acts.mjs'
import { accessible, caller, finish, output, settings, sql, subjectName, until, visit } from './support.mjs'

/** Many applications of one region. */
async function many(count, region) {
  const system = await caller('system')
  const rows = Array.from({ length: count }, () => {
    const body = application()
    return { body: { ...body, subscriber: { ...body.subscriber, region } } }
  })
  const { data } = await system.call('POST', '/bulk/applications', { rows })
  for (let now = data; ; now = (await system.call('GET', `/bulk-operations/${data.id}`)).data) {
    if (now.status !== 'running') {
      assert.ok(now.results.every((one) => !one.problem), JSON.stringify(now.results.find((one) => one.problem)))
      break
    }
  }
  await system.close()
}

test('the queue is counted by the server, by step, with what waits too long, and read page by page', async () => {
  const waiting = await standing('agency', 'acceptance')
  await many(52, '140100')
  sql(`UPDATE applications SET updated_at = UTC_TIMESTAMP(6) - INTERVAL 3 DAY WHERE number = '${waiting.number}'`)
  const page = await visit('entry_officer', '/')
  await page.locator('[data-test=overdue].late').waitFor()
  await press(page, 'step-entry')
  await page.locator('[data-test=step-entry][aria-pressed=true]').getByText(/超时 \d+/).waitFor()
  await press(page, 'all-tasks')
  await page.locator('[data-test=today] strong').getByText(/^[\d,]+\+?$/).waitFor()
  const agency = await visit('agency', '/')
  await agency.locator('tbody tr').nth(49).waitFor()
  await press(agency, 'more-tasks')
  await agency.locator('tbody tr').nth(50).waitFor()
  await agency.locator('h1').click()
  await agency.keyboard.press('j')
  await agency.locator('tbody tr.current').nth(0).waitFor()
  await agency.keyboard.press('k')
  await agency.keyboard.press('Enter')
  await agency.locator('[data-test=state]').waitFor()
  await finish()
})

test('a list says how many there are of each state, goes on page by page, and is driven by keys', async () => {
  await many(52, '140110')
  const page = await visit('review_officer', '/applications?region=140110')
  const facet = page.locator('[data-facet="state-awaiting_agency"]')
  await facet.waitFor()
  const total = Number((await facet.locator('strong').textContent()).replace(/\D/g, ''))
  assert.ok(total >= 52, String(total))
  await facet.click()
  await page.locator('[data-facet="state-awaiting_agency"][aria-pressed=true]').waitFor()
  await page.locator('[data-test=chips]').getByText('待经办单位审批').waitFor()
  assert.equal(await page.locator('.list tbody tr').count(), 50)
  await press(page, 'more')
  await page.locator('.list tbody tr').nth(51).waitFor()
  await facet.click()
  await page.locator('[data-facet="state-awaiting_agency"][aria-pressed=false]').waitFor()
  page.guard.allow(/400/)
  await page.fill('#filter-region', '140')
  await press(page, 'apply')
  await page.locator('[data-filter-error=region]').getByText('2 位（省）、4 位（市）或 6 位（县）').waitFor()
  assert.equal(await page.locator('.list tbody tr').count(), 0, 'no rows of another filter')
  await accessible(page, 'a filter that was refused')
  await page.fill('#filter-region', '1401')
  await press(page, 'apply')
  await page.locator('.list tbody tr').nth(49).waitFor()
  const mine = await standing('agency', 'acceptance', 'entry')
  await page.to(`/applications?number=${mine.number}`)
  await page.locator('.list tbody').getByText(mine.number).waitFor()
  await page.locator('h1').click()
  await page.keyboard.press('x')
  await page.locator('.list tbody tr.marked').waitFor()
  await page.keyboard.press('x')
  await page.locator('.list tbody tr.marked').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await page.locator('[data-test=state]').waitFor()
  assert.ok(page.url().includes(mine.id))
  await finish()
})

test('certificates and subscribers are counted by what a filter may be, and the count that is pressed is the filter', async () => {
  const [{ application: made, certificate }, other] = [await issued(), await submitted()]
  sql(`UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) WHERE id = UNHEX('${certificate.id.replaceAll('-', '')}');
    UPDATE subscribers SET region = '140981' WHERE social_security_no IN
      ('${made.subscriber.social_security_no}', '${other.subscriber.social_security_no}')`)
  const page = await visit('acceptor', `/certificates?subject_name=${encodeURIComponent(certificate.subject_name)}`)
  const facet = (name) => page.locator(`[data-facet="${name}"]`)
  await facet('status-suspended').getByText('1', { exact: true }).waitFor()
  assert.equal(await facet('status-valid').count(), 0)
  await facet('kind-organisation').click()
  await page.locator('[data-test=chips]').getByText('证书种类: 单位').waitFor()
  await page.locator('.list tbody tr', { hasText: certificate.serial }).waitFor()
  await page.to('/subscribers?kind=organisation')
  await facet('region-1409').getByText('忻州市').waitFor()
  await facet('region-1409').getByText('2', { exact: true }).waitFor()
  await facet('region-1409').click()
  await page.locator('[data-test=chips]').getByText('所属地区: 忻州市').waitFor()
  await page.waitForFunction(() => document.querySelectorAll('.list tbody tr').length === 2)
  await facet('region-1409').click()
  await page.locator('[data-facet="region-1409"][aria-pressed=false]').waitFor()
  await page.to(`/certificates/${certificate.id}`)
  await press(page, 'origin')
  await page.locator('h1').getByText(made.number).waitFor()
  await finish()
})

test('the contact of a subscriber is corrected at the counter, with the reason, and the old one stays to be seen', async () => {
  const { subscriber } = await standing()
  const page = await visit('acceptor', `/subscribers/${subscriber.id}`)
  await press(page, 'open-correct')
  await press(page, 'close-form')
  await press(page, 'open-correct')
  await type(page, '/reason', '持盖章说明到柜台')
  await press(page, 'do-correct')
  await field(page, '/contact/name').getByText('没有修改任何内容').waitFor()
  await type(page, '/contact/phone', '13900000001')
  await type(page, '/reason', '')
  await press(page, 'do-correct')
  await field(page, '/reason').getByText('必填').waitFor()
  await accessible(page, 'a correction')
  await type(page, '/reason', '持盖章说明到柜台')
  await press(page, 'do-correct')
  await page.locator('[data-value=contact]').getByText('13900000001').waitFor()
  await page.locator('[data-test=changes]').getByText('13835100000 → 13900000001').waitFor()
  await finish()
})

test('several are rejected at once, with a reason, and each row has its result', async () => {
  const cases = [await standing('agency', 'acceptance', 'entry'), await standing('agency', 'acceptance', 'entry')]
  const page = await visit('review_officer', '/applications?state=awaiting_review')
  for (const one of cases) await page.locator('tr', { hasText: one.number }).locator('input[type=checkbox]').check()
  await step('review_officer', cases[1].id, 'review', (now) => ({ decision: 'approve', snapshot_sha256: now.snapshot_sha256 }))
  await press(page, 'bulk-reject')
  await press(page, 'bulk-go')
  await field(page, '/reason').getByText('必填').waitFor()
  await type(page, '/reason', '名称与营业执照不一致')
  await type(page, '/guidance', '请按营业执照更正名称后重新提交')
  await press(page, 'bulk-go')
  const results = page.locator('[data-test=bulk-results]')
  await results.locator('tr', { hasText: cases[0].number }).getByText('已退回').waitFor()
  await results.locator('tr.bad', { hasText: cases[1].number }).waitFor()
  await press(page, 'bulk-close')
  await finish()
})

test('a subscriber is to be told of the end of a suspension, and the counter notes that it was', async () => {
  const { certificate } = await issued()
  const id = `UNHEX('${certificate.id.replaceAll('-', '')}')`
  sql(`UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 6 MONTH + INTERVAL 6 DAY, suspensions = suspensions + 1,
    suspension_stage = 0, version = version + 1 WHERE id = ${id}`)
  const page = await visit('acceptor', '/notices?state=open')
  const row = page.locator('tbody tr', { hasText: certificate.subject_name }).filter({ hasText: '挂起 7 天后到期' })
  while (!(await row.count())) { // the clock writes it
    await page.reload()
    await page.locator('[data-test=apply]:not(.is-loading)').waitFor()
  }
  await accessible(page, 'the notices')
  await row.locator('[data-test=tell]').click()
  await press(page, 'do-tell')
  await field(page, '/channel').getByText('必填').waitFor()
  await field(page, '/channel').getByText('电话').click()
  await type(page, '/note', '已电话告知社保专员')
  await press(page, 'do-tell')
  await row.waitFor({ state: 'detached' })
  await page.selectOption('#filter-state', '')
  await row.getByText('电话').waitFor()
  await finish()
})

test('a pair is made, its sealed key opens with the signing key, and both certificates are shown', async () => {
  const name = subjectName()
  const token = ekey(name)
  const { id, number } = await standingAs({ ...application(name), usage: 'pair' }, 'agency', 'acceptance', 'entry', 'review')
  const page = await takes({ id, list: 'A', name, paste: token.csr }, 'production', 'issuing_officer')
  await page.locator('[data-test=certificate]').nth(1).waitFor()
  const titles = page.locator('[data-test=certificate] h2')
  assert.deepEqual(await titles.evaluateAll((all) => all.map((one) => one.firstChild.textContent.trim())), ['签名证书', '加密证书'])
  const [pem] = await Promise.all([page.waitForEvent('download'), page.locator('[data-test=download-pem]').first().click()])
  const [envelope] = await Promise.all([page.waitForEvent('download'), press(page, 'fetch-key')])
  assert.equal(envelope.suggestedFilename(), `${number}-encryption-key.pem`)
  const at = (end) => join(output, `pair-${process.pid}.${end}`)
  await pem.saveAs(at('crt'))
  await envelope.saveAs(at('pem'))
  writeFileSync(at('key'), token.key)
  const files = ['-in', at('pem'), '-inkey', at('key'), '-recip', at('crt'), '-out', at('der')]
  execFileSync('openssl', ['cms', '-decrypt', '-binary', '-inform', 'PEM', ...files])
  assert.match(execFileSync('openssl', ['pkey', '-inform', 'DER', '-in', at('der'), '-noout', '-text'], { encoding: 'utf8' }), /prime256v1/)
  await takes({ id, list: 'A' }, 'handover', 'issuing_officer')
  await finish()
})

test('an administrator enters an agency and a business system, changes its scopes, disables and enables', async () => {
  const page = await visit('administrator', '/offices')
  await press(page, 'open-agency')
  await type(page, '/name', `大同市社会保险中心${process.pid}`)
  await type(page, '/region', '140200')
  await press(page, 'do-agency')
  await page.locator('[data-test=agencies]').getByText(`大同市社会保险中心${process.pid}`).waitFor()
  await page.to('/systems')
  await press(page, 'open-system')
  await type(page, '/name', `社保核心系统${process.pid}`)
  await type(page, '/region', '140200')
  await press(page, 'do-system')
  await page.locator('[data-test=rights]').waitFor()
  await page.locator('[data-test=rights] input[value="applications.read"]').check()
  await press(page, 'save-rights')
  await page.locator('[data-test=save-rights]:not(.is-loading)').waitFor()
  await binds(page, settings.newcomer)
  await press(page, 'open-disable-certificate')
  await type(page, '/reason', '密钥介质已交还')
  await press(page, 'do-disable-certificate')
  await page.locator('[data-test=credentials]').getByText('已停用').waitFor()
  await press(page, 'open-disable')
  await type(page, '/reason', '系统停用检修')
  await press(page, 'do-disable')
  await page.locator('[data-value=status]').getByText('已停用').waitFor()
  await press(page, 'open-enable')
  await type(page, '/reason', '检修完成')
  await press(page, 'do-enable')
  await page.locator('[data-value=status]').getByText('启用').waitFor()
  await page.reload()
  assert.ok(await page.locator('[data-test=rights] input[value="applications.read"]').isChecked())
  await finish()
})

test('the deadlines are counted by week by the server, and their list goes on page by page', async () => {
  const [{ certificate }, { certificate: later }] = [await issued(), await issued()]
  const ends = (one, days) => sql(`UPDATE certificates SET not_after = UTC_TIMESTAMP(6) + INTERVAL ${days} DAY
    WHERE id = UNHEX('${one.id.replaceAll('-', '')}')`)
  ends(certificate, 5)
  ends(later, 6)
  const page = await visit('manager', '/clock')
  await page.locator('[data-test=expiring] [data-test=plot] svg').waitFor()
  for (const days of [60, 30, 7]) {
    await press(page, `expiring-${days}`)
    assert.ok(Number((await page.locator(`[data-test=expiring-${days}] strong`).textContent()).replace(/\D/g, '')) >= 1)
  }
  await page.locator('[data-test=expiring]').getByText(certificate.subject_name).first().waitFor()
  await accessible(page, 'the deadlines')
  // Pages of one, so that two certificates are two pages.
  await page.route('**/reports/expiring?*', (route) => route.continue({ url: route.request().url().replace('limit=50', 'limit=1') }))
  const answered = page.waitForResponse('**/reports/expiring?*')
  await press(page, 'expiring-7')
  await (await answered).finished()
  await page.waitForFunction(() => !document.querySelector('[data-test=expiring] [aria-busy=true]'))
  const rows = page.locator('[data-test=expiring] tbody tr', { has: page.locator('a') })
  const last = rows.filter({ hasText: later.subject_name })
  do {
    const before = await rows.count()
    await press(page, 'more-expiring')
    await rows.nth(before).waitFor()
  } while (!(await last.count()))
  assert.ok(await rows.filter({ hasText: certificate.subject_name }).count(), 'the pages before stay')
  await finish()
})

test('a certificate that the CA shows otherwise is named where somebody can ask the CA', async () => {
  const { certificate } = await issued()
  sql(`UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR WHERE id = UNHEX('${certificate.id.replaceAll('-', '')}')`)
  const page = await visit('manager', '/upstream')
  await page.locator('[data-test=health]').waitFor()
  const row = page.locator('[data-test=disagreements] tr', { hasText: certificate.serial })
  await until('the RA has compared the list of the CA', async () => {
    sql("UPDATE outbox_jobs SET next_run = UTC_TIMESTAMP(6) WHERE kind = 'ca_status' AND state = 'open'")
    const answered = page.waitForResponse('**/reports/ca-disagreements*')
    await press(page, 'refresh-link')
    await (await answered).finished()
    return row.count()
  })
  await row.getByText('没有列出').waitFor()
  await page.locator('[data-fact=disagreements].bad').waitFor()
  await accessible(page, 'what the CA shows otherwise')
  await finish()
})
