// Values of the API as they stand on paper: in Chinese whatever the language of the page is.
import { i18n } from './i18n'
import { cityOf } from './regions'

const ZONE = 'Asia/Shanghai'

/** The Chinese word of a list of values; what is no word of it stands as it is. */
export function wordOnPaper(area: string, key: string): string {
  return i18n.global.te(`${area}.${key}`, 'zh-CN') ? i18n.global.t(`${area}.${key}`, {}, { locale: 'zh-CN' }) : key
}

/** "2026年11月26日". */
export function dayOnPaper(at: string | undefined): string {
  return at ? new Intl.DateTimeFormat('zh-CN', { timeZone: ZONE, year: 'numeric', month: 'long', day: 'numeric' }).format(new Date(at)) : ''
}

/** "2026年11月26日 14:05". */
export function timeOnPaper(at: string | undefined): string {
  const clock = at && new Intl.DateTimeFormat('zh-CN',
    { timeZone: ZONE, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at))
  return at ? `${dayOnPaper(at)} ${clock}` : ''
}

/** What the words of a form's field are listed under; a field that is not here holds free text. */
const AREAS: Record<string, string> = {
  kind: 'kind', usage: 'usage', cause: 'cause', revocation_reason: 'revocation_reason', id_document_type: 'id_document',
  business: 'business',
}

/** The value of a field of a form (getApplicationForm). */
export function valueOnPaper(name: string, value: string | number): string {
  if (name === 'created_at') return dayOnPaper(String(value))
  if (name === 'region') return `${cityOf(String(value))['zh-CN']} ${value}`
  return AREAS[name] ? wordOnPaper(AREAS[name], String(value)) : String(value)
}
