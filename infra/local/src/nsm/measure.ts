import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** What an enclave is made of: files by path, in the order in which they are measured. */
export type Image = Readonly<{
  application: readonly string[]
  runtime: readonly string[]
  role: string
  instanceId: string
}>

/**
 * Measures an image as the hypervisor does at launch. PCR0: all of it; PCR1: the runtime; PCR2: the application; PCR3: the
 * role; PCR4: the instance. Each is extended once from zeros: SHA-384(48 zeros ‖ SHA-384(content)); files count by their
 * contents and order, not by their names.
 */
export async function measure({ application, runtime, role, instanceId }: Image): Promise<Map<number, Uint8Array>> {
  const [runtimeDigests, applicationDigests] = [await digestsOf(runtime), await digestsOf(application)]
  const contents = [
    Buffer.concat([...runtimeDigests, ...applicationDigests]),
    Buffer.concat(runtimeDigests),
    Buffer.concat(applicationDigests),
    Buffer.from(role),
    Buffer.from(instanceId),
  ]
  return new Map(contents.map((content, index) => [index, extend(new Uint8Array(48), sha384(content))]))
}

const sha384 = (content: Uint8Array): Uint8Array => Uint8Array.from(createHash('sha384').update(content).digest())

const extend = (pcr: Uint8Array, digest: Uint8Array): Uint8Array => sha384(Buffer.concat([pcr, digest]))

const digestsOf = (paths: readonly string[]): Promise<Uint8Array[]> => Promise.all(paths.map(digestOf))

async function digestOf(path: string): Promise<Uint8Array> {
  const hash = createHash('sha384')
  await pipeline(createReadStream(path), hash)
  return Uint8Array.from(hash.digest())
}
