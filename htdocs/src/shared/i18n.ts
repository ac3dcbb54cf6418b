// The language of the page: zh-CN first, English complete. It is in the URL (?lang=en) and is kept there by every link of the
// router, and remembered for the next visit. Messages are written as pairs, so that no text exists in one language only.
import { ref, watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { remember, recall } from './storage'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]
/** A text in both languages, as the API gives them too. */
export type Texts = { 'zh-CN': string; en: string }
/** Messages of one area: key → both texts. */
export type Messages = Record<string, readonly [zh: string, en: string]>

function isLanguage(value: unknown): value is Language {
  return LANGUAGES.includes(value as Language)
}

function initialLanguage(): Language {
  const wished = new URLSearchParams(location.search).get('lang') ?? recall<string>('language')
  return isLanguage(wished) ? wished : 'zh-CN'
}

export const language = ref<Language>(initialLanguage())

export const i18n = createI18n({
  legacy: false,
  locale: language.value,
  fallbackLocale: 'zh-CN',
  // A word that a page wants and nobody wrote is no silent gap: the browser ring fails on it.
  missing: (locale, key) => console.error(`no text for ${key} in ${locale}`),
  messages: { 'zh-CN': {}, en: {} } as Record<Language, Record<string, Record<string, string>>>,
})

/** Adds the messages of an area; they are read as t('area.key'). */
export function addMessages(area: string, messages: Messages) {
  const of = (index: 0 | 1) => Object.fromEntries(Object.entries(messages).map(([key, pair]) => [key, pair[index]]))
  i18n.global.mergeLocaleMessage('zh-CN', { [area]: of(0) })
  i18n.global.mergeLocaleMessage('en', { [area]: of(1) })
}

/** The text of a message, or the last part of its key where the API has grown a word that this page does not know. */
export function word(area: string, key: string | undefined | null): string {
  if (key === undefined || key === null || key === '') return ''
  const path = `${area}.${key}`
  return i18n.global.te(path) || i18n.global.te(path, 'zh-CN') ? i18n.global.t(path) : String(key)
}

/** The text of the current language out of a pair of the API. */
export function say(texts: Texts | undefined): string {
  return texts ? texts[language.value] : ''
}

/** Several words in a row. */
export const listed = (words: (string | false | undefined)[]): string => words.filter(Boolean).join(language.value === 'en' ? ', ' : '、')

/** Shows another language: the text changes in place, so nothing typed is lost. */
export function setLanguage(next: Language) {
  language.value = next
}

watch(
  language,
  (now) => {
    i18n.global.locale.value = now
    document.documentElement.lang = now
    remember('language', now)
    const url = new URL(location.href)
    if (now === 'zh-CN') url.searchParams.delete('lang')
    else url.searchParams.set('lang', now)
    if (url.href !== location.href) history.replaceState(history.state, '', url)
  },
  { immediate: true },
)
