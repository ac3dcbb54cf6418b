// What a page prints, as PDF: A4, one page for each sheet, every word of the sheet inside the margins.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { output } from './support.mjs'

const MARGIN = 28 // points; less than the 14 mm of theme.css, as glyphs may stand out a little
const bare = (text) => text.replace(/\s/g, '')

const pagesOf = (file, order) => execFileSync('pdftotext', [order, file, '-'], { encoding: 'utf8' }).split('\f').slice(0, -1)

/** The pages of what the browser prints, as text. */
export async function printed(page, name) {
  const file = `${output}/${name}.pdf`
  writeFileSync(file, await page.pdf({ preferCSSPageSize: true }))
  assert.match(execFileSync('pdfinfo', [file], { encoding: 'utf8' }), /Page size: .*\(A4\)/)
  const boxes = execFileSync('pdftotext', ['-bbox', file, '-'], { encoding: 'utf8', maxBuffer: 1 << 24 })
  const [, width, height] = /<page width="([\d.]+)" height="([\d.]+)"/.exec(boxes)
  const box = /<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">/g
  for (const [whole, left, top, right, bottom] of boxes.matchAll(box)) {
    const isInside = left >= MARGIN && top >= MARGIN && right <= width - MARGIN && bottom <= height - MARGIN
    assert.ok(isInside, `${name}: a word outside the margins: ${whole}`)
  }
  return pagesOf(file, '-layout')
}

/** The sheets of a paper, each on a page of its own with everything that it says. @return the pages */
export async function sheets(page, name) {
  const said = await page.locator('section.sheet').evaluateAll((all) => all.map((sheet) =>
    [...sheet.querySelectorAll('th, td, h2, .copy')].map((one) => one.textContent)))
  const pages = await printed(page, name)
  assert.equal(pages.length, said.length, `${name}: a page for each sheet`)
  const words = pagesOf(`${output}/${name}.pdf`, '-raw')
  for (const [place, texts] of said.entries()) {
    for (const text of texts) {
      assert.ok(bare(words[place]).includes(bare(text)), `${text} on page ${place + 1} of ${name}:\n${words[place]}`)
    }
    assert.ok(!pages[place].includes('打印'), 'buttons are not printed')
  }
  return pages
}

/** A form: 第一联 and 第二联 go to the archivist, 第三联 stays with the subscriber (domain.md §3-§8). */
export async function formIn3(page, title, name = 'form') {
  await page.locator('[data-copy="3"]').waitFor()
  const pages = await sheets(page, name)
  const copies = [['第一联', '档案管理员留存'], ['第二联', '档案管理员留存'], ['第三联', '订户留存']]
  assert.equal(pages.length, copies.length)
  for (const [place, words] of copies.entries()) {
    for (const word of [title, ...words]) assert.ok(pages[place].includes(word), `${word} on page ${place + 1}:\n${pages[place]}`)
  }
  return pages
}
