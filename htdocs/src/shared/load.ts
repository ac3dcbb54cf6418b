// Reading and changing as states that a page can show: busy (and for how long), failed (and what to do), there.
import { onScopeDispose, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { ApiFailure, asFailure, RequestKey } from './api'

/** Seconds that something takes, from the first second on; 0 before. */
export function useSeconds() {
  const seconds = ref(0)
  let timer: ReturnType<typeof setInterval> | undefined
  const stop = () => {
    clearInterval(timer)
    timer = undefined
    seconds.value = 0
  }
  const start = () => {
    stop()
    timer = setInterval(() => seconds.value++, 1000)
  }
  onScopeDispose(stop)
  return { seconds, start, stop }
}

export interface Loading<T> {
  data: ShallowRef<T | undefined>
  failure: ShallowRef<ApiFailure | undefined>
  busy: Ref<boolean>
  seconds: Ref<number>
  run: () => Promise<void>
}

/**
 * Reads something now and on every run(). Of two readings under way the later one counts. What was read stays on the page while
 * it is read again, and when that fails.
 */
export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, { immediate = true } = {}): Loading<T> {
  const data = shallowRef<T>()
  const failure = shallowRef<ApiFailure>()
  const busy = ref(false)
  const clock = useSeconds()
  let current: AbortController | undefined
  async function run() {
    current?.abort()
    const mine = (current = new AbortController())
    busy.value = true
    clock.start()
    try {
      const result = await read(mine.signal)
      if (mine !== current) return
      data.value = result
      failure.value = undefined
    } catch (error) {
      if (mine !== current) return
      failure.value = asFailure(error)
    }
    busy.value = false
    clock.stop()
  }
  onScopeDispose(() => {
    current?.abort()
    current = undefined
  })
  if (immediate) void run()
  return { data, failure, busy, seconds: clock.seconds, run }
}

/**
 * A change that a person makes with a button. `act` hands its key to each call: what is pressed again after a lost network is the same
 * request under the same Idempotency-Key, until an answer settles it. @return undefined when it failed (failure says why)
 */
export function useSubmit<A extends unknown[], T>(act: (key: RequestKey, ...given: A) => Promise<T>) {
  const failure = shallowRef<ApiFailure>()
  const busy = ref(false)
  const clock = useSeconds()
  const key = new RequestKey()
  async function run(...given: A): Promise<T | undefined> {
    if (busy.value) return undefined
    busy.value = true
    clock.start()
    try {
      const result = await act(key, ...given)
      failure.value = undefined
      key.settle()
      return result
    } catch (error) {
      failure.value = asFailure(error)
      if (!failure.value.isRepeatable) key.settle()
      return undefined
    } finally {
      busy.value = false
      clock.stop()
    }
  }
  return { run, busy, failure, seconds: clock.seconds, clear: () => { failure.value = undefined } }
}

/** The next page of what was read, added to it; another reading meanwhile counts more. */
export function useMore<T extends { items: unknown[]; next_cursor?: string }>(loading: Loading<T>, read: (cursor: string) => Promise<T>) {
  const next = useSubmit((_key, cursor: string) => read(cursor))
  async function run() {
    const before = loading.data.value
    const page = before?.next_cursor ? await next.run(before.next_cursor) : undefined
    if (!page) loading.failure.value = next.failure.value
    else if (loading.data.value === before) loading.data.value = { ...page, items: [...before!.items, ...page.items] }
  }
  return { run, busy: next.busy }
}

/** The violations of a refusal by JSON Pointer, for the fields they concern. */
export function fieldErrors(failure: ApiFailure | undefined): Record<string, string> {
  return Object.fromEntries((failure?.problem?.errors ?? []).map((one) => [one.pointer, one.detail]))
}
