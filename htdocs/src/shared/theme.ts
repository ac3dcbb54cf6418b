// Looks that a person chooses: light or dark, large text. Both are classes of <html>, remembered for the next visit.
import { ref, watch } from 'vue'
import { recall, remember } from './storage'

export type Scheme = 'auto' | 'light' | 'dark'

export const scheme = ref<Scheme>(recall<Scheme>('scheme') ?? 'auto')
export const largeText = ref<boolean>(recall<boolean>('large-text') ?? false)

const systemIsDark = matchMedia('(prefers-color-scheme: dark)')

function apply() {
  const dark = scheme.value === 'dark' || (scheme.value === 'auto' && systemIsDark.matches)
  document.documentElement.classList.toggle('dark', dark)
  document.documentElement.classList.toggle('large-text', largeText.value)
}

systemIsDark.addEventListener('change', apply)
watch([scheme, largeText], () => {
  remember('scheme', scheme.value)
  remember('large-text', largeText.value)
  apply()
}, { immediate: true })

export const isDark = () => document.documentElement.classList.contains('dark')
