// The console as a tool: who may come in, lists, several at once, the keyboard, reports, administration, audit, size.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { application, binds, isNow, press, standing, standingAs, steps, type } from './acts.mjs'
import { accessible, caller, finish, settings, urls, visit } from './support.mjs'

test('without a certificate, or with an unknown one, a page says the fault code and what to do', async () => {
  const page = await visit(undefined, '/', { staff: true })
  page.guard.allow(/403/)
  await page.locator('[data-test=identity-fault]').getByText('-10101011').first().waitFor()
  await accessible(page, 'the page without a certificate')
  await press(page, 'identity-retry')
  const stranger = await visit('stranger', '/')
  stranger.guard.allow(/403/)
  await stranger.locator('[data-test=identity-fault]').getByText('-10101042').first().waitFor()
  await finish()
})

test('a person who is disabled meanwhile is told so and loses nothing typed', async () => {
  const admin = await caller('administrator')
  const person = `/people/${settings.ids.people.marketing}`
  const turn = async (what) => admin.call('POST', `${person}/${what}`, { reason: '测试' }, (await admin.call('GET', person)).etag)
  const page = await visit('marketing', '/new')
  page.guard.allow(/403/)
  await page.locator('[data-field="/business"] select').selectOption('issue')
  await type(page, '/subject_name', '打了一半的名称')
  await turn('disablement')
  await page.locator('#number-search').fill('2026112312345673')
  await page.keyboard.press('Enter')
  await page.locator('[data-test=identity-fault]').getByText('您的账户已停用').waitFor()
  await page.getByText('您填写的内容还在本页').waitFor()
  await turn('enablement')
  await press(page, 'identity-retry')
  await page.locator('[data-test=identity-fault]').waitFor({ state: 'detached' })
  assert.equal(await page.locator('[data-field="/subject_name"] input').inputValue(), '打了一半的名称')
  await admin.close()
  await finish()
})

test('a certificate that is disabled meanwhile is named with its fault code, and what was typed is still there', async () => {
  const admin = await caller('administrator')
  const { data: person } = await admin.call('POST', '/people', { name: '离岗', office_id: (await admin.call('GET', '/offices')).data.items[0].id })
  const path = `/people/${person.id}`
  const change = async (method, what, body) => (await admin.call(method, `${path}${what}`, body, (await admin.call('GET', path)).etag)).data
  const alone = readFileSync(settings.leaver.cert, 'utf8').split(/(?<=-----END CERTIFICATE-----\n)/)[0]
  await change('POST', '/certificates', { certificate: alone })
  await change('PUT', '/roles', { roles: [{ role: 'acceptor', province_wide: true }] })
  const page = await visit('leaver', '/new')
  page.guard.allow(/403/)
  await page.locator('[data-field="/business"] select').selectOption('issue')
  await type(page, '/subject_name', '打了一半的名称')
  const [{ id }] = (await admin.call('GET', path)).data.certificates
  await change('POST', `/certificates/${id}/disablement`, { reason: 'EKey 交还' })
  await page.fill('#number-search', '2026112312345673')
  await page.keyboard.press('Enter')
  await page.locator('[data-test=identity-fault]').getByText('-10101042').first().waitFor()
  await page.getByText('您填写的内容还在本页').waitFor()
  assert.equal(await page.locator('[data-field="/subject_name"] input').inputValue(), '打了一半的名称')
  await admin.close()
  await finish()
})

test('a lost network is said, and the same press afterwards does it', async () => {
  const made = await standing('agency')
  const page = await visit('acceptor', `/applications/${made.id}`)
  page.guard.allow(/ERR_INTERNET_DISCONNECTED|ERR_FAILED/)
  await press(page, 'all-materials')
  await page.locator('[data-field="/payment/method"]').getByText('免收').click()
  await type(page, '/payment/amount', '0')
  await type(page, '/payment/waiver_reason', '政策免收')
  await page.context().setOffline(true)
  await press(page, 'do-acceptance')
  await page.locator('[role=alert]').getByText('网络中断').waitFor()
  await page.context().setOffline(false)
  await page.getByRole('button', { name: '重试' }).click()
  await page.locator('[data-test=state]').filter({ hasText: '待录入' }).waitFor()
  await finish()
})

test('whatever takes longer than a second shows progress: the start, a number, a page of the program, a change', async () => {
  const made = await standing('agency')
  const page = await visit('acceptor', '/')
  await page.locator('[data-test=who]').waitFor()
  const bar = page.locator('[data-test=slow]')
  /** The address answers when the bar was seen. */
  const slow = async (address, act) => {
    let seen = 0
    await page.route(address, async (route) => {
      await bar.waitFor()
      seen++
      await route.continue()
    })
    await act()
    await page.unroute(address, { behavior: 'wait' })
    await bar.waitFor({ state: 'detached' })
    assert.ok(seen, address)
  }
  const begun = () => page.locator('[data-step=acceptance]').waitFor()
  await slow('**/api/v1/me', async () => {
    await page.reload()
    await page.locator('[data-test=who]').waitFor()
  })
  await slow('**/assets/ApplicationPage-*.js', async () => {
    await page.to(`/applications/${made.id}`)
    await begun()
  })
  await slow('**/api/v1/applications?*', async () => {
    await page.fill('#number-search', made.number)
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => !document.querySelector('#number-search').value)
  })
  await begun()
  await press(page, 'choose-withdrawal')
  await type(page, '/reason', '订户不再需要')
  await slow('**/withdrawal', async () => {
    await press(page, 'do-withdrawal')
    await isNow(page, '已撤回')
  })
  await finish()
})

test('what somebody else did meanwhile is said and read again, and what else the subscriber has open is shown', async () => {
  const first = application()
  const { id } = await standingAs(first, 'agency', 'acceptance')
  const second = await standingAs({ ...first, usage: 'encryption' })
  const page = await visit('entry_officer', `/applications/${id}`)
  page.guard.allow(/409|412/)
  await page.locator('[data-step=entry]').waitFor()
  await page.locator('[data-test=duplicates]').getByText(second.number).waitFor()
  await steps.entry(id)
  await press(page, 'do-entry')
  await press(page, 'reload')
  await isNow(page, '待审核')
  await finish()
})

test('several are reviewed at once, each row with its result, and the list is driven by keys', async () => {
  const first = await standing('agency', 'acceptance', 'entry')
  const second = await standing('agency', 'acceptance', 'entry')
  const page = await visit('review_officer', '/applications?state=awaiting_review')
  await page.locator('[data-test=chips]').getByText('待审核').waitFor()
  await page.getByText(first.number).waitFor()
  await accessible(page, 'a list')
  for (const one of [first, second]) await page.locator('tr', { hasText: one.number }).locator('input[type=checkbox]').check()
  await press(page, 'bulk-approve')
  await press(page, 'bulk-go')
  const results = page.locator('[data-test=bulk-results]')
  await results.getByText(first.number).waitFor()
  assert.equal(await results.getByText('待制证').count(), 2)
  await press(page, 'bulk-close')
  await page.locator('.list').getByText(first.number).waitFor({ state: 'detached' })
  await press(page, 'clear-filters')
  await page.locator('.list tbody tr').nth(1).waitFor()
  await page.locator('h1').click()
  await page.keyboard.press('j')
  assert.ok(await page.locator('.list tbody tr').nth(1).evaluate((row) => row.classList.contains('current')))
  await page.keyboard.press('k')
  await page.keyboard.press('?')
  await page.getByText('扫码枪').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('扫码枪').waitFor({ state: 'hidden' })
  await press(page, 'keys')
  await page.getByText('扫码枪').waitFor()
  await page.keyboard.press('Escape')
  await page.getByText('扫码枪').waitFor({ state: 'hidden' })
  await page.keyboard.press('/')
  assert.ok(await page.evaluate(() => document.activeElement.hasAttribute('data-search')))
  await finish()
})

test('filters are kept by name, columns are chosen, what is filtered is exported', async () => {
  const made = await standing()
  const page = await visit('acceptor', `/applications?number=${made.number}`)
  await page.locator('tbody').getByText(made.number).waitFor()
  await press(page, 'saved')
  await page.getByPlaceholder('筛选名称').fill('我的一件')
  await press(page, 'keep-filter')
  const kept = page.getByRole('link', { name: '我的一件' })
  await kept.waitFor()
  await page.getByRole('button', { name: `取消条件 受理号: ${made.number}` }).click()
  await page.locator('[data-test=chips]').waitFor({ state: 'detached' })
  await kept.click()
  await page.locator('[data-test=chips]').getByText(made.number).waitFor()
  await page.getByRole('button', { name: '删除筛选“我的一件”' }).click()
  await kept.waitFor({ state: 'detached' })
  await press(page, 'columns')
  await page.locator('.box').getByText('更新时间').click()
  await page.locator('thead').getByText('更新时间').waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'export')])
  const text = readFileSync(await download.path(), 'utf8')
  assert.ok(text.startsWith('\ufeff') && text.includes(made.number) && text.trim().split('\r\n').length === 2, text)
  await finish()
})

test('an export that is cut off says where, and how to have the rest', async () => {
  const made = await standing()
  const page = await visit('acceptor', `/applications?number=${made.number}`)
  await page.locator('tbody').getByText(made.number).waitFor()
  // As if there were no end of them: what the server says of this one, thousands of times a page.
  let body
  await page.route('**/api/v1/applications?*limit=200*', async (route) => {
    if (!body) {
      const { items } = await (await route.fetch()).json()
      body = JSON.stringify({ items: Array(5000).fill(items[0]), next_cursor: 'more' })
    }
    await route.fulfill({ contentType: 'application/json', body })
  })
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 120_000 }), press(page, 'export')])
  await page.locator('[data-test=cut]').getByText('只导出了前 100,000 行').waitFor()
  await accessible(page, 'an export that is cut off')
  assert.equal(readFileSync(await download.path(), 'utf8').trim().split('\r\n').length, 100_001)
  await finish()
})

test('reports are plots with their tables', async () => {
  await standing()
  const page = await visit('manager', '/reports')
  for (const by of ['business', 'step', 'state', 'region', 'kind', 'week']) {
    await press(page, `by-${by}`)
    await page.locator('[data-test=plot] svg').waitFor()
    await page.locator('figure tbody tr').first().waitFor()
    if (by === 'region') await page.locator('figure tbody').getByText('太原市 140100').waitFor()
  }
  await page.fill('[data-test=from]', '2020-01-01')
  await page.fill('[data-test=to]', '2020-01-31')
  await page.locator('[data-test=plot]').waitFor({ state: 'detached' })
  assert.match(page.url(), /from=2020-01-01&to=2020-01-31/)
  await page.fill('[data-test=to]', '')
  await page.locator('figure tbody tr').first().waitFor()
  await accessible(page, 'a report')
  await finish()
})

test('an administrator enters an office and a person with roles and a certificate', async () => {
  const page = await visit('administrator', '/offices')
  await press(page, 'open-office')
  await type(page, '/name', `大同市受理点${process.pid}`)
  await page.locator('[data-field="/kind"]').getByText('受理点').click()
  await type(page, '/region', '140200')
  await press(page, 'do-office')
  await page.locator('[data-test=offices]').getByText(`大同市受理点${process.pid}`).waitFor()
  await page.to('/people')
  await press(page, 'open-person')
  await type(page, '/name', `新受理${process.pid}`)
  await page.locator('[data-field="/office_id"] select').selectOption({ index: 1 })
  await press(page, 'do-person')
  await page.locator('[data-role=acceptor]').check()
  await page.locator('[data-wide=acceptor]').check()
  await press(page, 'save-rights')
  await page.locator('[data-test=save-rights]:not(.is-loading)').waitFor()
  await binds(page, settings.stranger)
  await page.locator('[data-test=credentials]').getByText('陌生人').waitFor()
  await press(page, 'open-disable')
  await type(page, '/reason', '测试结束')
  await press(page, 'do-disable')
  await page.locator('[data-value=status]').getByText('已停用').waitFor()
  await accessible(page, 'a person')
  await finish()
})

test('the auditor reads events and takes checkpoints along', async () => {
  const page = await visit('auditor', '/audit')
  await page.locator('tbody tr').first().waitFor()
  const curious = await caller('acceptor')
  assert.equal((await curious.fetch(`${urls.staff}/api/v1/audit-events`)).status(), 403)
  await curious.close()
  await page.to('/audit?outcome=refused&event=listAuditEvents')
  await page.locator('tbody tr').first().getByText('您没有此项操作的权限 (access-denied)').waitFor()
  await page.selectOption('#filter-outcome', 'read')
  await page.selectOption('#filter-event', { label: '审计日志' })
  await page.locator('tbody tr', { hasText: '审计日志' }).first().getByRole('link', { name: '孙审计' }).click()
  await page.locator('[data-test=chips]').getByText('操作者编号').waitFor()
  await page.to('/checkpoints')
  const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'download-checkpoints')])
  assert.match(readFileSync(await download.path(), 'utf8'), /"merkle_root"/)
  await page.to('/upstream')
  await page.locator('[data-test=health] [data-fact=link]').waitFor()
  await finish()
})

test('the first load of either entry stays below 350 KB compressed', async () => {
  const assets = `${settings.web}/assets`
  const sized = (name) => gzipSync(readFileSync(`${assets}/${name}`)).length
  const sizes = Object.fromEntries(readdirSync(assets).map((name) => [`/assets/${name}`, sized(name)]))
  for (const [role, path] of [[undefined, '/status'], ['review_officer', '/']]) {
    const page = await visit(role, path)
    await page.locator('h1').first().waitFor()
    const loaded = await page.evaluate(() => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname))
    const total = loaded.reduce((sum, name) => sum + (sizes[name] ?? 0), 0)
    assert.ok(total > 10_000 && total <= 350 * 1024, `${path}: ${total} bytes`)
  }
  await finish()
})
