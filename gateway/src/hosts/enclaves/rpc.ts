import { isRefusalCode, Refusal, type RefusalCode } from '@quorate/shared/errors'
import { decode, encode } from '@quorate/shared/crypto/cbor'
import { hostMethods, type HostMethod, type HostParams, type HostResult } from '@quorate/shared/ceremonies/host-methods'
import { ReplyBodyFrame } from '@quorate/shared/wire/host'
import type { Connection } from './connection.ts'

/** What only the gateway itself can say; an enclave that says it has failed. */
const OURS = /^(request|session|gateway|store)\.|^internal$/

/**
 * One call over one connection. Throws what the enclave refused with, `enclave.unreachable`, `enclave.timeout`, or
 * `enclave.failed` when the answer fits neither the method's schema nor the table of refusals.
 */
export async function callOver<M extends HostMethod>(
  connection: Connection,
  method: M,
  params: HostParams<M>,
  deadlineMs: number,
): Promise<HostResult<M>> {
  const reply = readReply(await connection.call(() => encode([method, params]), deadlineMs))
  const result = hostMethods[method].result.safeParse(reply)
  if (!result.success) throw new Refusal('enclave.failed')
  return result.data as HostResult<M>
}

function readReply(body: Uint8Array): unknown {
  const reply = ReplyBodyFrame.safeParse(tryDecode(body))
  if (!reply.success) throw new Refusal('enclave.failed')
  if ('result' in reply.data) return reply.data.result
  throw new Refusal(trusted(reply.data.refusal.code), reply.data.refusal.culprits)
}

function tryDecode(body: Uint8Array): unknown {
  try {
    return decode(body)
  } catch {
    return undefined
  }
}

const trusted = (code: string): RefusalCode => (isRefusalCode(code) && !OURS.test(code) ? code : 'enclave.failed')
