import { RequestId } from '@quorate/shared/wire/request-id'

/** One try of a call. `most`: bytes of the answer at most. `timeout` (ms): until its end. */
export type Sending = Readonly<{
  url: URL
  method: 'GET' | 'POST'
  headers: Readonly<Record<string, string>>
  body: string | undefined
  most: number
  timeout: number
  signal: AbortSignal | undefined
}>

/** `status`: 300 for a redirect of which browsers tell no more. */
export type Answer = Readonly<{ status: number; header: (name: string) => string | null; text: string }>

/** By which the gateway's operator finds the request; null where the answer does not say. */
export const requestIdOf = ({ header }: Answer): string | null =>
  RequestId.safeParse(header('x-request-id')).data ?? null

/** Follows no redirect. Throws `reply.invalid` for an answer that is too long or no text, and whatever stands in the way of one. */
export type Send = (what: Sending) => Promise<Answer>

export const isSuccess = ({ status }: Pick<Answer, 'status'>): boolean => status >= 200 && status < 300
