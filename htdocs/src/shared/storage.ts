// What the browser keeps between visits: preferences and drafts. A browser that refuses storage (private mode, full disk) costs
// the memory and nothing else.
const PREFIX = 'ra.'

export function recall<T>(name: string): T | undefined {
  try {
    const text = localStorage.getItem(PREFIX + name)
    return text === null ? undefined : (JSON.parse(text) as T)
  } catch {
    return undefined
  }
}

/** @return whether it is kept */
export function remember(name: string, value: unknown): boolean {
  try {
    if (value === undefined || value === null) localStorage.removeItem(PREFIX + name)
    else localStorage.setItem(PREFIX + name, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export const forget = (name: string) => remember(name, null)
