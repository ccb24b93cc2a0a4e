import { makeRootOf } from '../build/make.ts'
import type { Entry } from '../cpio/newc.ts'
import type { Contents, Running } from './archive.ts'
import { workspaceTree } from './workspace-tree.ts'

/** Nobody on any machine: a container needs no rights but to its volume. */
const user = 65_532

/** Node, and what asks it, wants to know where the user is at home. */
const passwd = Buffer.from(`quorate:x:${user}:${user}::/data:/\n`)

/** A program that is packed: what a container of it finds, and what it runs. */
type Composition = Readonly<{
  workspaces: readonly string[]
  without?: readonly string[]
  env: readonly string[]
  /** The file that Node runs, below the folder of the project. */
  command: string
  ports: readonly number[]
}>

/** What is packed, by name. All that it keeps lies in /data. */
export const compositions = {
  /** Database and storage key are on the volume; everything else the operator says by QUORATE_…. */
  gateway: {
    workspaces: ['gateway'],
    env: [
      'QUORATE_LISTEN=0.0.0.0:3000',
      'QUORATE_METRICS_LISTEN=0.0.0.0:9464',
      'QUORATE_DATABASE=/data/quorate.db',
      'QUORATE_STORAGE_KEY_FILE=/data/storage.key',
    ],
    command: 'gateway/dist/src/main.js',
    ports: [3000, 9464],
  },
  /** The fleet of `make fleet`: gateway, three simulated enclaves and the KMS stand-in. The command is beside it. */
  simulator: {
    workspaces: ['infra/local', 'gateway', 'client-sdk'],
    // The tour uses them, and no fleet.
    without: ['@quorate/nostr-lab', 'nostr-tools'],
    env: ['HOST=0.0.0.0', 'PORT=3000', 'STATE=/data'],
    command: 'infra/local/dist/src/fleet/main.js',
    ports: [3000],
  },
} as const satisfies Record<string, Composition>
export type CompositionName = keyof typeof compositions

/** What a container finds. `top`: the folder of the project, built. */
export async function contentsOf(top: string, name: CompositionName): Promise<Contents> {
  const { workspaces, without = [] }: Composition = compositions[name]
  const { files, links } = workspaceTree(top, workspaces, without)
  const linked = Object.entries(links).map(([path, target]): Entry => ({
    type: 'link',
    path: `app/${path}`,
    mode: 0o777,
    target,
  }))
  return {
    entries: [
      ...(await makeRootOf(files)),
      ...linked,
      { type: 'file', path: 'etc/passwd', mode: 0o444, contents: passwd },
      { type: 'directory', path: 'data', mode: 0o700 },
    ],
    owners: { data: user },
  }
}

export function runningOf(name: CompositionName, version: string): Running {
  const { env, command, ports }: Composition = compositions[name]
  return {
    User: `${user}:${user}`,
    Env: env,
    Entrypoint: ['/usr/bin/node'],
    Cmd: [`/app/${command}`],
    WorkingDir: '/app',
    Volumes: { '/data': {} },
    ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
    Labels: {
      'org.opencontainers.image.title': `quorate-${name}`,
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0 OR MIT',
    },
  }
}
