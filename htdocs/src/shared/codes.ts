// Check characters, verified while a person types; the server verifies them again.
const USCC = '0123456789ABCDEFGHJKLMNPQRTUWXY'
const ALNUM = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

function weighted(text: string, alphabet: string, weights: number[]): number | undefined {
  let sum = 0
  for (let place = 0; place < weights.length; place++) {
    const value = alphabet.indexOf(text[place])
    if (value < 0) return undefined
    sum += value * weights[place]
  }
  return sum
}

/** 居民身份证, GB 11643. */
export function isResidentId(text: string): boolean {
  if (!/^\d{17}[\dXx]$/.test(text)) return false
  const day = `${text.slice(6, 10)}-${text.slice(10, 12)}-${text.slice(12, 14)}`
  const parsed = new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 10) !== day) return false
  const sum = weighted(text, '0123456789', Array.from({ length: 17 }, (_, place) => 2 ** (17 - place) % 11)) as number
  return '10X98765432'[sum % 11] === text[17].toUpperCase()
}

/** 统一社会信用代码, GB 32100. */
export function isUscc(text: string): boolean {
  const code = text.toUpperCase()
  if (code.length !== 18) return false
  let weight = 1
  const weights = Array.from({ length: 17 }, () => {
    const now = weight
    weight = (weight * 3) % 31
    return now
  })
  const sum = weighted(code, USCC, weights)
  return sum !== undefined && USCC[(31 - (sum % 31)) % 31] === code[17]
}

/** 组织机构代码, GB 11714; the dash before the check character may be there. */
export function isOrganisationCode(text: string): boolean {
  const code = text.toUpperCase().replace(/-(?=.$)/, '')
  if (code.length !== 9) return false
  const sum = weighted(code, ALNUM, [3, 7, 9, 10, 5, 8, 4, 2])
  return sum !== undefined && '0123456789X'[(11 - (sum % 11)) % 11] === code[8]
}

const NUMBER = 16
const CODE = 20

/** The 受理号 in what was typed or read from a QR code: alone, or before the code of a form filled in beforehand. '' when there is none. */
export function numberIn(text: string): string {
  const number = text.length === NUMBER + CODE ? text.slice(0, NUMBER) : text
  return /^\d*$/.test(text) && isApplicationNumber(number) ? number : ''
}

/** 受理号: the day, seven digits, and the check digit of ISO/IEC 7064 MOD 11,10. */
export function isApplicationNumber(text: string): boolean {
  if (!/^\d{16}$/.test(text)) return false
  let product = 10
  for (const digit of text.slice(0, 15)) {
    const sum = (product + Number(digit)) % 10
    product = ((sum === 0 ? 10 : sum) * 2) % 11
  }
  return (11 - product) % 10 === Number(text[15])
}
