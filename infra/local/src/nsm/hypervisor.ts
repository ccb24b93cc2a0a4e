import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { decodeForeign } from '@quorate/shared/crypto/cbor'
import { encode } from 'cborg'
import { createDocumentIssuer, lockedPcrs, type Claims, type Module } from './documents.ts'
import { createMessageReader, frameMessage } from './message-stream.ts'

/** `pcrs`: index → SHA-384, as `measure` gives them. `now` in ms; the machine's clock without it. */
export type NsmOptions = Readonly<Omit<Module, 'now'> & { socketPath: string; now?: () => number }>

/**
 * The security module of one simulated enclave, on a UNIX socket: the very requests and replies of /dev/nsm, each behind its
 * length as u32. What is in a document's registers is said at launch, and no request changes it.
 */
export async function startNsm({
  socketPath,
  now = Date.now,
  ...module
}: NsmOptions): Promise<{ close: () => Promise<void> }> {
  const answer = createModule({ ...module, now })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy()))
    serve(socket, answer)
  })
  await rm(socketPath, { force: true })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve))
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

const longestRequest = 0x1000

function serve(socket: Socket, answer: (request: Uint8Array) => Uint8Array): void {
  const read = createMessageReader(longestRequest)
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const request of read(chunk)) socket.write(frameMessage(answer(request)))
    } catch {
      socket.destroy()
    }
  })
}

/** Answers a request as the NSM of aws-nitro-enclaves-nsm-api 0.4 does. */
export function createModule(module: Module): (request: Uint8Array) => Uint8Array {
  const issue = createDocumentIssuer(module)
  const pcrs = lockedPcrs(module.pcrs)
  return (request) => {
    const { name, fields } = readRequest(request)
    switch (name) {
      case 'Attestation':
        return attest(issue, fields)
      case 'GetRandom':
        return encode({ GetRandom: { random: Uint8Array.from(randomBytes(256)) } })
      case 'DescribeNSM':
        return encode({ DescribeNSM: describe(module.moduleId, [...pcrs.keys()]) })
      case 'DescribePCR': {
        const value = pcrs.get(fields.get('index') as number)
        return value === undefined ? fail('InvalidIndex') : encode({ DescribePCR: { lock: true, data: value } })
      }
      case 'ExtendPCR':
      case 'LockPCR':
      case 'LockPCRs':
        return fail('ReadOnlyIndex')
      default:
        return fail('InvalidArgument')
    }
  }
}

const fail = (code: 'InvalidArgument' | 'InvalidIndex' | 'ReadOnlyIndex' | 'InputTooLarge'): Uint8Array =>
  encode({ Error: code })

type Fields = ReadonlyMap<unknown, unknown>

function readRequest(request: Uint8Array): { name: unknown; fields: Fields } {
  try {
    const variant = decodeForeign(request)
    if (!(variant instanceof Map)) return { name: variant, fields: new Map() }
    const [[name, fields] = []] = variant as Map<unknown, unknown>
    return variant.size === 1 && fields instanceof Map ? { name, fields } : { name: null, fields: new Map() }
  } catch {
    return { name: null, fields: new Map() }
  }
}

function attest(issue: (claims: Claims) => Uint8Array, fields: Fields): Uint8Array {
  const limits = { public_key: 1024, user_data: 512, nonce: 512 }
  for (const [name, limit] of Object.entries(limits)) {
    const value = fields.get(name) ?? null
    if (value !== null && !(value instanceof Uint8Array)) return fail('InvalidArgument')
    if (value !== null && value.length > limit) return fail('InputTooLarge')
  }
  const claim = (name: keyof typeof limits) => (fields.get(name) ?? null) as Uint8Array | null
  const document = issue({ publicKey: claim('public_key'), userData: claim('user_data'), nonce: claim('nonce') })
  return encode({ Attestation: { document } })
}

const describe = (moduleId: string, locked: readonly number[]) => ({
  version_major: 1,
  version_minor: 0,
  version_patch: 0,
  module_id: moduleId,
  max_pcrs: 32,
  locked_pcrs: locked,
  digest: 'SHA384',
})
