// The client of the API. Paths, parameters, bodies and answers have the types of the document that the server runs by
// (src/generated/api.d.ts, made at build time), so a page that does not fit the document does not compile.
//
// Every call ends with an answer or throws one ApiFailure, which says what a person can do. Reading is repeated when the network
// fails; a change is repeated with the same Idempotency-Key, so a lost answer never means doing something twice.
import type { paths } from '@/generated/api'
import { language } from './i18n'
import { begin } from './pending'

const BASE = '/api/v1'
const TIMEOUT = 30_000
const PAUSES = [300, 1200]

export type Method = 'get' | 'post' | 'put' | 'patch'
/** Paths of the document that have the method. */
export type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths]
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never
type Parameters<Op, In extends string> = Op extends { parameters: infer All } ? (In extends keyof All ? All[In] : undefined) : undefined
type JsonOf<Content> = Content extends Record<'application/json', infer Body> ? Body : never
type Success<All> = { [S in keyof All]: S extends 200 | 201 | 202 ? (All[S] extends { content: infer C } ? JsonOf<C> : undefined)
  : never }[keyof All]

export type AnswerOf<P extends keyof paths, M extends Method> = Operation<P, M> extends { responses: infer All } ? Success<All> : never
export type QueryOf<P extends keyof paths> = NonNullable<Parameters<Operation<P, 'get'>, 'query'>>
export type BodyOf<P extends keyof paths, M extends Method> = Operation<P, M> extends { requestBody?: { content: infer C } } ? C[keyof C]
  : never

export interface Answer<T> {
  data: T
  status: number
  etag: string
  location: string
  retryAfter?: number
}

export interface Violation {
  pointer: string
  code: string
  detail: string
}

export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail?: string
  errors?: Violation[]
  trace_id: string
  retry_after?: number
}

export type FailureKind = 'problem' | 'offline' | 'timeout' | 'unreadable'

/** Why a call gave no answer. */
export class ApiFailure extends Error {
  constructor(readonly kind: FailureKind, readonly problem?: Problem) {
    super(problem?.title ?? kind)
  }

  get code(): string {
    return this.problem?.code ?? this.kind
  }

  /** Nobody knows whether it was done, or the server asks to come again: the same request may be sent again. */
  get isRepeatable(): boolean {
    return this.kind !== 'problem' || [429, 503].includes(this.problem?.status ?? 0) || this.code === 'idempotency-in-progress'
  }
}

export interface CallOptions {
  path?: Record<string, string>
  query?: Record<string, unknown>
  body?: unknown
  /** Sent as it is, in place of a body. */
  file?: Blob
  /** The ETag of the object that is changed. */
  etag?: string
  /** Of a change that a person makes; without it the key is of this call alone. */
  key?: RequestKey
  headers?: Record<string, string>
  signal?: AbortSignal
}

/**
 * The Idempotency-Key of a change that a person makes: the same for exactly the same request (address, version, body) until it is settled,
 * another one for any other. So a second press after a lost network repeats the first, and never another change under its key.
 */
export class RequestKey {
  private readonly keys = new Map<string, string>()

  of(request: string): string {
    const key = this.keys.get(request) ?? crypto.randomUUID()
    this.keys.set(request, key)
    return key
  }

  settle() {
    this.keys.clear()
  }
}

function address(path: string, options: CallOptions): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(options.path?.[name] ?? ''))
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value))
  }
  const text = query.toString()
  return BASE + filled + (text ? `?${text}` : '')
}

function headersOf(method: Method, path: string, options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { Accept: 'application/json', 'Accept-Language': language.value }
  if (method !== 'get') {
    headers['X-RA-Request'] = '1'
    const request = JSON.stringify([method, address(path, options), options.etag, options.body])
    headers['Idempotency-Key'] = (options.key ?? new RequestKey()).of(request)
  }
  if (options.body !== undefined) {
    headers['Content-Type'] = method === 'patch' ? 'application/merge-patch+json' : 'application/json'
  }
  if (options.etag) headers['If-Match'] = options.etag
  return { ...headers, ...options.headers }
}

/** Told of every refusal, so that a page can say at once that a person was disabled. */
export const failureListeners = new Set<(failure: ApiFailure) => void>()

async function failureOf(response: Response): Promise<ApiFailure> {
  if (response.headers.get('Content-Type')?.startsWith('application/problem+json')) {
    const problem = await response.json().catch(() => undefined)
    if (problem) {
      const failure = new ApiFailure('problem', problem as Problem)
      failureListeners.forEach((listener) => listener(failure))
      return failure
    }
  }
  return new ApiFailure('unreadable')
}

/** One exchange. @throws ApiFailure */
async function exchange(method: Method, path: string, options: CallOptions, headers: Record<string, string>): Promise<Response> {
  const limit = AbortSignal.timeout(TIMEOUT)
  const stop = new AbortController()
  const end = () => stop.abort()
  limit.addEventListener('abort', end)
  options.signal?.addEventListener('abort', end)
  try {
    const body = options.file ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    return await fetch(address(path, options), { method: method.toUpperCase(), headers, body, signal: stop.signal, cache: 'no-store' })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new ApiFailure(limit.aborted ? 'timeout' : 'offline')
  } finally {
    options.signal?.removeEventListener('abort', end)
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

async function repeated(method: Method, path: string, options: CallOptions): Promise<Response> {
  const headers = headersOf(method, path, options)
  for (let attempt = 0; ; attempt++) {
    try {
      return await exchange(method, path, options, headers)
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.kind !== 'offline' || attempt >= PAUSES.length) throw error
      await pause(PAUSES[attempt])
    }
  }
}

/** From the first try to the end of the answer. */
async function send<T>(method: Method, path: string, options: CallOptions, read: (response: Response) => Promise<T>): Promise<T> {
  const end = begin()
  try {
    const response = await repeated(method, path, options)
    if (!response.ok) throw await failureOf(response)
    return await read(response)
  } finally {
    end()
  }
}

const broken = () => { throw new ApiFailure('offline') }

async function answerOf<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text().catch(broken)
  const retryAfter = Number(response.headers.get('Retry-After'))
  return {
    data: (text ? JSON.parse(text) : undefined) as T,
    status: response.status,
    etag: response.headers.get('ETag') ?? '',
    location: response.headers.get('Location') ?? '',
    ...(retryAfter > 0 ? { retryAfter } : {}),
  }
}

const call = <T>(method: Method, path: string, options: CallOptions) => send(method, path, options, answerOf<T>)

export const api = {
  get: <P extends PathOf<'get'>>(path: P, options: Omit<CallOptions, 'query'> & { query?: QueryOf<P> } = {}) =>
    call<AnswerOf<P, 'get'>>('get', path, options as CallOptions),
  post: <P extends PathOf<'post'>>(path: P, options: Omit<CallOptions, 'body'> & { body?: BodyOf<P, 'post'> } = {}) =>
    call<AnswerOf<P, 'post'>>('post', path, options),
  put: <P extends PathOf<'put'>>(path: P, options: Omit<CallOptions, 'body'> & { body?: BodyOf<P, 'put'> } = {}) =>
    call<AnswerOf<P, 'put'>>('put', path, options),
  patch: <P extends PathOf<'patch'>>(path: P, options: Omit<CallOptions, 'body'> & { body?: BodyOf<P, 'patch'> } = {}) =>
    call<AnswerOf<P, 'patch'>>('patch', path, options),
  /** A file as the body, of a media type that the document names. */
  postFile: <P extends PathOf<'post'>>(path: P, file: Blob, type: string) =>
    call<AnswerOf<P, 'post'>>('post', path, { file, headers: { 'Content-Type': type } }),
  /** An address whose last part is known at run time only (the step of a business). */
  postTo: <T>(path: string, options: CallOptions = {}) => call<T>('post', path, options),
  /** A file: another representation than JSON, or an address that is not of the API document. */
  download: (path: string, options: CallOptions = {}) => send('get', path, options, (response): Promise<Blob> =>
    response.blob().catch(broken)),
}

/** Hands a file to the person. */
export function save(blob: Blob, name: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}

export const asFailure = (error: unknown): ApiFailure => (error instanceof ApiFailure ? error : new ApiFailure('unreadable'))
