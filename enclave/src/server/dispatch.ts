import { isRefusalCode, Refusal } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { hostMethods, type HostMethod } from '@quorate/shared/ceremonies/host-methods'
import { RequestBodyFrame } from '@quorate/shared/wire/host'
import type { Handlers } from '../enclave.ts'
import type { EnclaveLog } from '../events.ts'

/** Answers the body of a request frame with the body of a reply frame. Never throws. */
export type Dispatch = (body: Uint8Array) => Promise<Uint8Array>

const isMethod = (name: string): name is HostMethod => Object.hasOwn(hostMethods, name)

/** Decodes, checks the schema, calls, and turns every failure into a code with culprits: no text leaves the enclave. */
export function createDispatch(handlers: Handlers, log: EnclaveLog): Dispatch {
  async function answer(body: Uint8Array): Promise<{ method: string; result: unknown }> {
    const frame = RequestBodyFrame.safeParse(decode(body))
    if (!frame.success) throw new Refusal('message.invalid')
    const [method, given] = frame.data
    if (!isMethod(method)) throw new Refusal('message.invalid')
    const params = hostMethods[method].params.safeParse(given)
    if (!params.success) throw new CallFailed(method, new Refusal('message.invalid'))
    // The table pairs each handler with the schema that its params have just passed.
    const handle = handlers[method] as (params: unknown) => Promise<unknown>
    try {
      return { method, result: await handle(params.data) }
    } catch (error) {
      throw new CallFailed(method, error)
    }
  }

  return async (body) => {
    try {
      const { result } = await answer(body)
      return encode({ result })
    } catch (error) {
      return encode({ refusal: refuse(error, log) })
    }
  }
}

class CallFailed extends Error {
  readonly method: string
  override readonly cause: unknown

  constructor(method: string, cause: unknown) {
    super(method)
    this.method = method
    this.cause = cause
  }
}

/** What is logged of an unexpected failure is the name of its class: its message could hold anything. */
function refuse(error: unknown, log: EnclaveLog): { code: string; culprits: number[] } {
  const method = error instanceof CallFailed ? error.method : 'unknown'
  const cause = error instanceof CallFailed ? error.cause : error
  if (cause instanceof Refusal && isRefusalCode(cause.code)) {
    log({ event: 'call.refused', method, code: cause.code })
    return { code: cause.code, culprits: [...cause.culprits] }
  }
  log({ event: 'call.failed', method, error: cause instanceof Error ? cause.name : 'unknown' })
  return { code: 'enclave.failed', culprits: [] }
}
