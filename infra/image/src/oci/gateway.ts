import { makeRootOf } from '../build/make.ts'
import type { Contents, Running } from './archive.ts'
import { workspaceFiles } from './workspace-files.ts'

/** Nobody on any machine: a container needs no rights but to its volume. */
const user = 65_532

/** What a container of the gateway finds. `top`: the folder of the project, built. */
export const gatewayContents = async (top: string): Promise<Contents> => ({
  entries: [...(await makeRootOf(workspaceFiles(top, 'gateway'))), { type: 'directory', path: 'data', mode: 0o700 }],
  owners: { data: user },
})

/** Database and storage key are on the volume; everything else the operator says by QUORATE_…. */
export const gatewayRunning = (version: string): Running => ({
  User: `${user}:${user}`,
  Env: [
    'QUORATE_LISTEN=0.0.0.0:3000',
    'QUORATE_METRICS_LISTEN=0.0.0.0:9464',
    'QUORATE_DATABASE=/data/quorate.db',
    'QUORATE_STORAGE_KEY_FILE=/data/storage.key',
  ],
  Entrypoint: ['/usr/bin/node'],
  Cmd: ['/app/gateway/dist/src/main.js'],
  WorkingDir: '/app',
  Volumes: { '/data': {} },
  ExposedPorts: { '3000/tcp': {}, '9464/tcp': {} },
  Labels: {
    'org.opencontainers.image.title': 'quorate-gateway',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0 OR MIT',
  },
})
