import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection } from '@quorate/gateway/hosts/enclaves/connection'
import { callOver } from '@quorate/gateway/hosts/enclaves/rpc'
import type { DevelopmentChain } from '@quorate/local/nsm/development-root'
import { parseAddress } from '@quorate/shared/wire/address'
import type { HostMethod, HostParams, HostResult } from '@quorate/shared/ceremonies/host-methods'
import { pollUntil } from '../../../../shared/test/poll.js'
import { signing, startHypervisor, type Hypervisor } from './hypervisor.ts'
import { hybridSocket, startMachine, type Machine } from './machine.ts'

/** A parent instance with one enclave. Machines come and go; name and address stay. */
export type Instance = Readonly<{
  enclaveId: string
  /** As QUORATE_ENCLAVES takes it. */
  address: string
  /** Boots this image, in place of what runs, and resolves when the enclave answers. */
  boot: (eif: string) => Promise<void>
  /** SIGKILL to the machine. */
  kill: () => Promise<void>
  /** What is done from now on with the documents of the enclave's security module. */
  setHypervisor: (hypervisor: Hypervisor) => void
  /** One call, as the gateway makes it. Throws what the enclave refuses with. */
  call: <M extends HostMethod>(method: M, params: HostParams<M>) => Promise<HostResult<M>>
  close: () => Promise<void>
}>

type Parts = Readonly<{
  enclaveId: string
  folder: string
  tools: string
  /** On which the enclave listens. */
  port: number
  cid: number
  chain: DevelopmentChain
  services: Readonly<Record<number, (socket: Socket) => void>>
}>

/** In ms. */
const patience = 30_000
const longestBoot = 400_000
/** How often a machine is started that ends before its enclave has said anything: then the emulator has failed, and not the enclave. */
const mostStarts = 3

export function createInstance({ enclaveId, folder, tools, port, cid, chain, services }: Parts): Instance {
  const home = join(folder, enclaveId)
  const address = `hybrid:${hybridSocket(home)}:${port}`
  const signer = join(folder, `${enclaveId}.signer`)
  let machine: Machine | undefined
  let hypervisor = signing(chain)
  const server = startHypervisor(signer, () => hypervisor)

  const call: Instance['call'] = async (method, params) => {
    const connection = await openConnection(parseAddress(address), patience, new AbortController().signal)
    try {
      return await callOver(connection, method, params, patience)
    } finally {
      connection.close()
    }
  }
  const kill = async (): Promise<void> => {
    await machine?.stop()
    machine = undefined
  }
  const boot = async (eif: string): Promise<void> => {
    await kill()
    machine = await startAlive(() => startMachine({ tools, eif, cid, folder: home, signer, services }))
    await Promise.race([untilAnswered(call, machine.heartbeat), failure(machine, enclaveId)])
  }
  return {
    enclaveId,
    address,
    boot,
    kill,
    call,
    setHypervisor: (other) => {
      hypervisor = other
    },
    close: async () => {
      server.close()
      await kill()
    },
  }
}

/** Starts a machine, and once more when it ends before its enclave has said anything. */
async function startAlive(start: () => Promise<Machine>): Promise<Machine> {
  for (let starts = 1; ; starts += 1) {
    const machine = await start()
    const { heartbeat, ended } = machine
    const late = sleep(longestBoot, true, { ref: false })
    const isAlive = await Promise.race([heartbeat.then(() => true), ended.then(() => false), late])
    if (isAlive || starts === mostStarts) return machine
    process.stderr.write(`a machine has ended before its heartbeat, and is started again:\n${endOf(machine)}`)
    await machine.stop()
  }
}

async function untilAnswered(call: Instance['call'], heartbeat: Promise<unknown>): Promise<void> {
  await heartbeat
  await pollUntil(async () => (await call('hello', {}).catch(() => null)) !== null)
}

/** What the machine said last: what is printed first of a long text is what a log loses. */
const endOf = ({ console: text }: Machine): string => text().slice(-4_000)

/** Rejects with the console when the machine ends, or its time is over. */
async function failure(machine: Machine, enclaveId: string): Promise<never> {
  await Promise.race([machine.ended, sleep(longestBoot, undefined, { ref: false })])
  throw new Error(`${enclaveId} does not come up:\n${endOf(machine)}`)
}
