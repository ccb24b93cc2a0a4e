import type { Agent } from 'node:https'
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

/**
 * AWS's client with bounded patience: three attempts in the SDK's `standard` mode, which waits between them up to 0.1 and 0.2 s, or 0.5
 * and 1 s when it is throttled, each time a random part of that. More would be the gateway's affair, which asks again with
 * pauses of its own. Where it connects to, by which agent, and with whose credentials is the composition's choice.
 */
export const createKmsClient = ({ agent, ...settings }: ClientSettings): KMSClient =>
  new KMSClient({
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

/** Errors of KMS that are the client's fault by their form, and not a no to this enclave. */
const codes: Readonly<Record<string, RefusalCode>> = {
  ThrottlingException: 'kms.throttled',
  Throttling: 'kms.throttled',
  TooManyRequestsException: 'kms.throttled',
  LimitExceededException: 'kms.throttled',
  DisabledException: 'kms.disabled',
  KMSInvalidStateException: 'kms.disabled',
  RequestTimeout: 'kms.unavailable',
}

/** Sends with a deadline. Throws `kms.denied`, `kms.throttled`, `kms.disabled`, `kms.unavailable`, or `kms.invalid` for an answer of no form. */
export async function askKms<T>(send: (options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
  try {
    return await send({ abortSignal: AbortSignal.timeout(deadline) })
  } catch (error) {
    throw new Refusal(codeOf(error))
  }
}

function codeOf(error: unknown): RefusalCode {
  if (error instanceof SyntaxError) return 'kms.invalid'
  if (!(error instanceof KMSServiceException) || error.$fault !== 'client') return 'kms.unavailable'
  return (Object.hasOwn(codes, error.name) ? codes[error.name] : undefined) ?? 'kms.denied'
}
