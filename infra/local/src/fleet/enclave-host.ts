import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { DevelopmentChain } from '../nsm/development-root.ts'
import { startNsm } from '../nsm/hypervisor.ts'
import type { Command } from './child.ts'
import { pcrsOf, type EnclaveImage } from './image.ts'
import { accepts, freePort } from './ports.ts'
import type { StateFolder } from './state-folder.ts'

/**
 * One enclave as its host starts it. `address`: where the gateway finds it. `load`: from its next start on it is of this image,
 * and its security module measures that.
 */
export type EnclaveHost = Readonly<{
  enclaveId: string
  address: string
  commands: readonly Command[]
  load: (image: EnclaveImage) => Promise<void>
  closeNsm: () => Promise<void>
}>

type Parts = Readonly<{
  state: StateFolder
  image: EnclaveImage
  chain: DevelopmentChain
  socat: string | null
  nodeArgs?: readonly string[] | undefined
}>

/**
 * What a Nitro hypervisor does at launch: measures, gives the enclave its security module, starts it. The enclave listens
 * on a UNIX socket, and socat before it stands for the vsock of the parent instance.
 */
export async function hostEnclave(
  enclaveId: string,
  { state, image, chain, socat, nodeArgs = [] }: Parts,
): Promise<EnclaveHost> {
  const [socket, nsmSocket] = [join(state.sockets, `${enclaveId}.sock`), join(state.sockets, `nsm-${enclaveId}.sock`)]
  const moduleId = `i-local-enc-${enclaveId}`
  const measure = async (one: EnclaveImage) =>
    startNsm({ socketPath: nsmSocket, chain, moduleId, pcrs: await pcrsOf(one, enclaveId) })
  let loaded = image
  let nsm = await measure(image)
  const enclave: Command = {
    name: enclaveId,
    executable: process.execPath,
    get args() {
      const launch = ['--id', enclaveId, '--listen', `unix:${socket}`, '--nsm', nsmSocket]
      return [...nodeArgs, loaded.code, ...launch, '--configuration', loaded.configuration]
    },
    // Not even a home folder: nothing that stands on this machine changes what an enclave does.
    env: { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
    log: join(state.logs, `${enclaveId}.log`),
    leash: true,
    probe: () => accepts({ path: socket }),
  }
  const load = async (next: EnclaveImage) => {
    loaded = next
    await nsm.close()
    nsm = await measure(next)
  }
  const host = { enclaveId, load, closeNsm: () => nsm.close() }
  if (socat === null) return { ...host, address: `unix:${socket}`, commands: [enclave] }
  const port = await freePort()
  const relay = relayCommand(`vsock-${enclaveId}`, { socat, port, socket, logs: state.logs })
  return { ...host, address: `tcp:127.0.0.1:${port}`, commands: [enclave, relay] }
}

type Relay = Readonly<{ socat: string; port: number; socket: string; logs: string }>

const relayCommand = (name: string, { socat, port, socket, logs }: Relay): Command => ({
  name,
  executable: socat,
  args: [`TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=64`, `UNIX-CONNECT:${socket}`],
  env: {},
  log: join(logs, `${name}.log`),
  leash: false,
  probe: () => accepts({ port }),
})

/** Where socat is, or null. */
export function findSocat(): string | null {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v socat'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return null
  }
}
