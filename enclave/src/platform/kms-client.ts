import type { Agent } from 'node:https'
import { Readable } from 'node:stream'
import { KMSClient, KMSServiceException, type KMSClientConfig } from '@aws-sdk/client-kms'
import { Refusal, type RefusalCode } from '@quorate/shared/errors'

/** Credentials are given, always: the SDK's own search for some is not in the bundle. */
type ClientSettings = Readonly<
  Pick<KMSClientConfig, 'region' | 'endpoint'> & Required<Pick<KMSClientConfig, 'credentials'>> & { agent?: Agent }
>

/** In ms. */
const connectTimeout = 1_500
const requestTimeout = 2_000
/** For one call with all its attempts, in ms. A boot makes three calls at most, within the 20 seconds that a gateway waits for it. */
const deadline = 6_000

/** KMS's own answers have some kilobytes. In bytes. */
const longestAnswer = 1024 * 1024

/**
 * AWS's client with bounded patience: three attempts in the SDK's `standard` mode, which waits between them up to 0.1 and 0.2 s, or 0.5
 * and 1 s when it is throttled, each time a random part of that. More would be the gateway's affair, which asks again with
 * pauses of its own. An answer is read up to 1 MiB. Where it connects to, by which agent, and with whose credentials is the
 * composition's choice.
 */
export function createKmsClient({ agent, ...settings }: ClientSettings): KMSClient {
  const client = new KMSClient({
    ...settings,
    maxAttempts: 3,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: connectTimeout,
      requestTimeout,
      throwOnRequestTimeout: true,
      ...(agent === undefined ? {} : { httpsAgent: agent }),
    },
  })
  // Lowest in its step: between the connection and the reader of its answer.
  client.middlewareStack.add(
    (next) => async (given) => {
      const result = await next(given)
      const response = result.response as { body?: unknown }
      if (response.body instanceof Readable) response.body = Readable.from(bounded(response.body))
      return result
    },
    { step: 'deserialize', priority: 'low', name: 'boundAnswer' },
  )
  return client
}

/** Throws `kms.invalid` beyond the longest answer, and thereby closes the connection. */
async function* bounded(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > longestAnswer) throw new Refusal('kms.invalid')
    yield chunk
  }
}

/** By their names, errors of KMS that are the client's fault by their form, and not a no to this enclave. */
const codes: Readonly<Record<string, RefusalCode>> = {
  ThrottlingException: 'kms.throttled',
  Throttling: 'kms.throttled',
  TooManyRequestsException: 'kms.throttled',
  LimitExceededException: 'kms.throttled',
  DisabledException: 'kms.disabled',
  KMSInvalidStateException: 'kms.disabled',
  RequestTimeout: 'kms.unavailable',
  // After others have been fetched: the host has none that are valid yet.
  ExpiredTokenException: 'kms.unavailable',
  ExpiredToken: 'kms.unavailable',
}

/** What KMS says, by its name, to a request that is dated too long ago, or ahead. */
const ofClocks = ['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture']
/** What it says to a signature that is wrong, or is over by its date: then its text says so, or the date of its answer. */
const ofSignatures = ['InvalidSignatureException', 'SignatureDoesNotMatch']
/** By how much KMS lets a request be off, in ms. */
const clockTolerance = 300_000

/** What KMS says to credentials that are over, or that it does not know (any more). */
const ofCredentials = ['ExpiredTokenException', 'ExpiredToken', 'UnrecognizedClientException', 'InvalidClientTokenId']

/**
 * Sends with a deadline. `clockDiffers` is told when KMS refuses for the time: by how many seconds this clock is ahead of KMS's, where its
 * answer has a date. When KMS does not take the credentials, they are fetched anew, once, whatever they say of their own end. Throws
 * `kms.denied`, `kms.clock`, `kms.throttled`, `kms.disabled`, `kms.unavailable`, or `kms.invalid` for an answer of no form or from elsewhere.
 */
export async function askKms<T>(
  client: KMSClient,
  send: (options: { abortSignal: AbortSignal }) => Promise<T>,
  clockDiffers: ClockDiffers = () => undefined,
): Promise<T> {
  const options = { abortSignal: AbortSignal.timeout(deadline) }
  try {
    return await send(options).catch(async (error: unknown) => {
      if (!(error instanceof KMSServiceException && ofCredentials.includes(error.name))) throw error
      await client.config.credentials({ forceRefresh: true })
      return await send(options)
    })
  } catch (error) {
    if (!isOfClock(error)) throw new Refusal(codeOf(error))
    clockDiffers(Math.round(aheadOf(error) / 1_000))
    throw new Refusal('kms.clock')
  }
}

export type ClockDiffers = (seconds: number) => unknown

function isOfClock(error: unknown): boolean {
  if (!(error instanceof KMSServiceException)) return false
  if (ofClocks.includes(error.name)) return true
  if (!ofSignatures.includes(error.name)) return false
  return /signature (has )?(expired|not yet current)/i.test(error.message) || Math.abs(aheadOf(error)) > clockTolerance
}

/** By how many ms this clock is ahead of the one that dated the answer; 0 when it has no date. */
function aheadOf(error: unknown): number {
  const { $response } = error as Readonly<{ $response?: { headers?: Record<string, string> } }>
  const theirs = Date.parse($response?.headers?.['date'] ?? '')
  return Number.isNaN(theirs) ? 0 : Date.now() - theirs
}

/** What may pass is `kms.unavailable`: whoever asks then asks again. What was answered and cannot be read does not pass. */
function codeOf(error: unknown): RefusalCode {
  if (error instanceof Refusal) return error.code
  const status = statusOf(error)
  if (status >= 500 || status === 408) return 'kms.unavailable'
  if (status === 429) return 'kms.throttled'
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return 'kms.invalid'
  if (!(error instanceof KMSServiceException)) return 'kms.unavailable'
  if (Object.hasOwn(codes, error.name)) return codes[error.name] ?? 'kms.denied'
  return status < 400 ? 'kms.invalid' : 'kms.denied'
}

/** Of the answer that failed; 0 when there is none. */
function statusOf(error: unknown): number {
  const { $metadata } = error as Readonly<{ $metadata?: Readonly<{ httpStatusCode?: number }> }>
  return $metadata?.httpStatusCode ?? 0
}
