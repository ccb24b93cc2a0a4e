import { createHash } from 'node:crypto'
import type { Entry } from '../cpio/newc.ts'
import { writeTar, type Owners } from './tar.ts'

/** What a container of this image runs, as the OCI image specification names it. */
export type Running = Readonly<{
  User: string
  Env: readonly string[]
  Entrypoint: readonly string[]
  Cmd: readonly string[]
  WorkingDir: string
  Volumes: Readonly<Record<string, object>>
  ExposedPorts: Readonly<Record<string, object>>
  Labels: Readonly<Record<string, string>>
}>

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const ofOci = (name: string): string => `application/vnd.oci.image.${name}`
/** Without a time, or no two builds would be the same file. */
const created = '1970-01-01T00:00:00Z'

export type Contents = Readonly<{ entries: readonly Entry[]; owners: Owners }>

/** An archive in the OCI image layout 1.0, of one layer that is not compressed. `name`: the tag. Same entries, same bytes. */
export function writeArchive({ entries, owners }: Contents, config: Running, name: string): Buffer {
  const layer = writeTar(entries, owners)
  const image = {
    created,
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: 'quorate' }],
  }
  const blobs = new Map<string, Buffer>()
  const keep = (mediaType: string, blob: Buffer) => {
    blobs.set(sha256(blob), blob)
    return { mediaType, digest: `sha256:${sha256(blob)}`, size: blob.length }
  }
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))
  const manifest = json({
    schemaVersion: 2,
    mediaType: ofOci('manifest.v1+json'),
    config: keep(ofOci('config.v1+json'), json(image)),
    layers: [keep(ofOci('layer.v1.tar'), layer)],
  })
  const annotations = { 'org.opencontainers.image.ref.name': name }
  const index = {
    schemaVersion: 2,
    mediaType: ofOci('index.v1+json'),
    manifests: [{ ...keep(ofOci('manifest.v1+json'), manifest), annotations }],
  }
  const file = (path: string, contents: Buffer): Entry => ({ type: 'file', path, mode: 0o644, contents })
  return writeTar([
    file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
    file('index.json', json(index)),
    ...[...blobs].map(([digest, blob]) => file(`blobs/sha256/${digest}`, blob)),
  ])
}
