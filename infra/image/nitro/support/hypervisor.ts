import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import type { DevelopmentChain } from '@quorate/local/nsm/development-root'
import { createDocumentIssuer } from '@quorate/local/nsm/documents'
import { createMessageReader, frameMessage } from '@quorate/local/nsm/message-stream'
import { decodeForeign } from '@quorate/shared/crypto/cbor'
import * as z from 'zod'

/**
 * What a hypervisor makes of a document of its machine's security module, before the enclave has it. QEMU's module states the
 * true registers and what it was asked to say, and signs nothing: the signature that is missing comes from here, by
 * signer.patch, and nothing of the product knows.
 */
export type Hypervisor = (document: Uint8Array) => Uint8Array

const Bytes = z.instanceof(Uint8Array)
const claim = Bytes.nullish().transform((bytes) => bytes ?? null)
const Statement = z.object({
  module_id: z.string(),
  timestamp: z.number(),
  pcrs: z.map(z.number(), Bytes),
  public_key: claim,
  user_data: claim,
  nonce: claim,
})
type Statement = z.infer<typeof Statement>

/** As QEMU leaves it. */
export const unsigned: Hypervisor = (document) => document

/** As AWS's: the same statement under this root. */
export const signing =
  (chain: DevelopmentChain): Hypervisor =>
  (document) =>
    issue(chain, readStatement(document))

/** As AWS's for an enclave in debug mode, whose console its parent reads: with zeros for the image. */
export const signingInDebugMode =
  (chain: DevelopmentChain): Hypervisor =>
  (document) => {
    const statement = readStatement(document)
    const zeros = [0, 1, 2].map((index) => [index, new Uint8Array(48)] as const)
    return issue(chain, { ...statement, pcrs: new Map([...statement.pcrs, ...zeros]) })
  }

function readStatement(document: Uint8Array): Statement {
  const [, , payload] = decodeForeign(document[0] === 0xd2 ? document.subarray(1) : document) as Uint8Array[]
  return Statement.parse(Object.fromEntries(decodeForeign(payload ?? new Uint8Array()) as Map<string, unknown>))
}

function issue(chain: DevelopmentChain, statement: Statement): Uint8Array {
  const { module_id: moduleId, timestamp, pcrs, public_key: publicKey, user_data: userData, nonce } = statement
  return createDocumentIssuer({ chain, pcrs, moduleId, now: () => timestamp })({ publicKey, userData, nonce })
}

const longestDocument = 16 * 1024

/** Answers the machines that have this socket as their NSM_SIGNER. One that sends what is no document gets no answer. */
export function startHypervisor(path: string, hypervisor: () => Hypervisor): Server {
  rmSync(path, { force: true })
  return createServer((machine) => {
    const read = createMessageReader(longestDocument)
    machine
      .on('error', () => machine.destroy())
      .on('data', (chunk: Buffer) => {
        try {
          for (const document of read(chunk)) machine.write(frameMessage(hypervisor()(document)))
        } catch {
          machine.destroy()
        }
      })
  }).listen(path)
}
