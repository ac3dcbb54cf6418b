// The pictures of the README, taken of the running product. Not part of the ring: RA_SCREENSHOTS=docs/screenshots takes them anew.
import { test } from 'node:test'
import { application, standingAs, step, steps } from './acts.mjs'
import { finish, rests, sql, visit } from './support.mjs'
import { fillSubscriber, next } from './wizard.mjs'

const NAMES = ['山西晋阳建材有限公司', '太原市汾河商贸有限公司', '大同云冈文化旅游有限公司', '长治市上党机械厂', '晋城兰花物流有限公司', '临汾尧都农业科技有限公司',
  '运城盐湖化工有限公司', '吕梁山林果专业合作社', '晋中榆次纺织有限公司', '忻州五台山宾馆', '阳泉矿区医院', '朔州右玉生态林场']
const WAITS = ['agency', 'acceptance', 'entry', 'review']

async function shot(page, name) {
  await rests(page)
  await page.screenshot({ path: `${process.env.RA_SCREENSHOTS}/${name}.png` })
}
const sized = (width, height) => ({ context: { viewport: { width, height } } })

/** Twelve applications at several steps, some of them two days old. @return the one to be shown */
async function office() {
  const made = []
  for (const [place, name] of NAMES.entries()) made.push(await standingAs(application(name), ...WAITS.slice(0, place < 7 ? 3 : place % 5)))
  await step('review_officer', made[0].id, 'review', { decision: 'reject', reason: '名称与营业执照不一致', guidance: '请按营业执照更正名称后重新提交' })
  for (const { number } of made.slice(1, 3)) {
    sql(`UPDATE applications SET updated_at = UTC_TIMESTAMP(6) - INTERVAL 2 DAY WHERE number = '${number}'`)
  }
  await steps.review(made[6].id)
  await steps.production(made[6].id)
  return made[3]
}

test('the pictures of the README', async () => {
  const shown = await office()
  const reviewer = await visit('review_officer', '/', sized(1280, 800))
  await shot(reviewer, 'console-queue')
  await reviewer.setViewportSize({ width: 1280, height: 960 })
  await reviewer.to('/applications?kind=organisation')
  await reviewer.locator('[data-test=facets]').waitFor()
  await shot(reviewer, 'console-list')
  await reviewer.setViewportSize({ width: 1280, height: 860 })
  await reviewer.to(`/applications/${shown.id}`)
  await reviewer.locator('[data-step=review]').waitFor()
  await shot(reviewer, 'console-application')
  const manager = await visit('manager', '/reports?by=state', sized(1280, 800))
  await manager.locator('[data-test=plot] svg').waitFor()
  await shot(manager, 'console-reports')
  const home = await visit(undefined, `/status?subject=${encodeURIComponent(NAMES[6])}`, sized(1000, 640))
  await home.locator('[data-test=answer]').waitFor()
  await shot(home, 'portal-status')
  const phone = await visit(undefined, '/prefill', sized(390, 760))
  await phone.selectOption('#kind', 'organisation')
  await next(phone)
  await fillSubscriber(phone, { name: NAMES[0], number: '1401050012399' })
  await phone.evaluate(() => window.scrollTo(0, 0))
  await shot(phone, 'portal-prefill')
  await finish()
})
