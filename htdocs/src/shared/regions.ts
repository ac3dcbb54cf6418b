// Shanxi and its cities (GB/T 2260), for lists that are grouped by city.
import { say, type Texts } from './i18n'

const CITIES: Record<string, Texts> = {
  1400: { 'zh-CN': '省直', en: 'Province' },
  1401: { 'zh-CN': '太原市', en: 'Taiyuan' },
  1402: { 'zh-CN': '大同市', en: 'Datong' },
  1403: { 'zh-CN': '阳泉市', en: 'Yangquan' },
  1404: { 'zh-CN': '长治市', en: 'Changzhi' },
  1405: { 'zh-CN': '晋城市', en: 'Jincheng' },
  1406: { 'zh-CN': '朔州市', en: 'Shuozhou' },
  1407: { 'zh-CN': '晋中市', en: 'Jinzhong' },
  1408: { 'zh-CN': '运城市', en: 'Yuncheng' },
  1409: { 'zh-CN': '忻州市', en: 'Xinzhou' },
  1410: { 'zh-CN': '临汾市', en: 'Linfen' },
  1411: { 'zh-CN': '吕梁市', en: 'Lüliang' },
}

/** The city of a region code; the code itself where it is not of Shanxi. */
export function cityOf(region: string): Texts {
  return CITIES[region.slice(0, 4)] ?? { 'zh-CN': region, en: region }
}

/** A region for reading: its city, and the code that tells the county too. */
export function regionText(region: string): string {
  const city = say(cityOf(region))
  return city === region ? region : `${city} ${region}`
}
