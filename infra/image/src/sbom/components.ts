import * as z from 'zod'

/** One part of another's making, as CycloneDX 1.5 describes it. */
export type Component = Readonly<{
  type: 'library' | 'operating-system' | 'application'
  'bom-ref': string
  name: string
  version: string
  purl: string
  hashes: readonly Readonly<{ alg: 'SHA-256' | 'SHA-512'; content: string }>[]
}>

type Part = Pick<Component, 'name' | 'version' | 'purl'> & Readonly<{ type?: Component['type'] }>

const component = (
  { type = 'library', name, version, purl }: Part,
  alg: 'SHA-256' | 'SHA-512',
  content: string,
): Component => ({ type, 'bom-ref': purl, name, version, purl, hashes: [{ alg, content }] })

/** The packages of `enclave/DEPENDENCIES.txt`: name, version and the lockfile's digest. Throws for another line. */
export const bundled = (text: string): Component[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, name, version, digest] = /^(\S+) (\S+) sha512-(\S+)$/.exec(line) ?? []
      if (name === undefined || version === undefined || digest === undefined) throw new Error(`no package: ${line}`)
      const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
      return component({ name, version, purl }, 'SHA-512', Buffer.from(digest, 'base64').toString('hex'))
    })

/** The crates of a Cargo.lock that come from crates.io. */
export const crates = (lock: string): Component[] =>
  lock.split('[[package]]').flatMap((entry) => {
    const field = (key: string) => new RegExp(`^${key} = "(.+)"$`, 'm').exec(entry)?.[1]
    const [name, version, digest] = [field('name'), field('version'), field('checksum')]
    if (name === undefined || version === undefined || digest === undefined) return []
    return [component({ name, version, purl: `pkg:cargo/${name}@${version}` }, 'SHA-256', digest)]
  })

const Pin = z.object({ name: z.string(), version: z.string(), sha256: z.string() })
const Pins = z.object({
  debian: z.object({ kernel: z.array(Pin), runtime: z.array(Pin) }),
  node: z.object({ package: z.string(), version: z.string(), sha256: z.string() }),
})

/** Kernel, libraries and Node of `infra/image/pins.json`. What only builds is not in the image. */
export function pinned(text: string): Component[] {
  const { debian, node } = Pins.parse(JSON.parse(text))
  const ofDebian = (type: Component['type']) => (pin: z.infer<typeof Pin>) => {
    const purl = `pkg:deb/debian/${encodeURIComponent(pin.name)}@${encodeURIComponent(pin.version)}?arch=amd64`
    return component({ type, name: pin.name, version: pin.version, purl }, 'SHA-256', pin.sha256)
  }
  const { package: name, version, sha256 } = node
  return [
    ...debian.kernel.map(ofDebian('operating-system')),
    ...debian.runtime.map(ofDebian('library')),
    component({ type: 'application', name, version, purl: `pkg:npm/${name}@${version}` }, 'SHA-256', sha256),
  ]
}
