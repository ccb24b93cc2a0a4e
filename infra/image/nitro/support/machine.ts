import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { pollUntil } from '../../../../shared/test/poll.js'

/** The port to which an enclave's init sends its heartbeat. */
const heartbeatPort = 9000

/** A Nitro enclave as QEMU plays it, and its parent instance: a UNIX socket for each port, as vhost-device-vsock has them. */
export type Machine = Readonly<{
  /** Before which the gateway's `hybrid:` addresses and `CONNECT port` stand. */
  socket: string
  /** What the enclave said at its start: 0xb7 when it is ready. */
  heartbeat: Promise<number>
  /** Everything on the console so far. */
  console: () => string
  /** When the machine has ended. */
  ended: Promise<void>
  /** By SIGKILL, as when the power goes. */
  stop: () => Promise<void>
}>

export type MachineOptions = Readonly<{
  /** Where prepare.sh has put QEMU. */
  tools: string
  eif: string
  /** Where the sockets are while it runs, and at the same paths when another machine runs there afterwards. */
  folder: string
  /** Of the guest, never 0 to 3. The kernel of this machine has no part in it. */
  cid: number
  /** In MiB. The image unpacks into half of it, so 384 are too few. */
  memory?: number
  /** The UNIX socket of whoever signs the documents (see signer.patch). Without it nobody does. */
  signer?: string
  /** What listens on the parent's vsock ports beside the heartbeat's. */
  services?: Readonly<Record<number, (socket: Socket) => void>>
}>

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { tools, eif, folder, cid, memory = 512, signer, services = {} } = options
  const [socket, device] = [hybridSocket(folder), join(folder, 'device')]
  await mkdir(folder, { recursive: true })
  const servers: Server[] = []
  const listen = (port: number, serve: (socket: Socket) => void): void => {
    servers.push(createServer(serve).listen(`${socket}_${port}`))
  }
  const heartbeat = new Promise<number>((resolve) => listen(heartbeatPort, (beat) => answerBeat(beat, resolve)))
  for (const [port, serve] of Object.entries(services)) listen(Number(port), serve)

  const vsock = launch(join(tools, 'vhost-device-vsock'), [
    '--vm',
    `guest-cid=${cid},socket=${device},uds-path=${socket}`,
  ])
  await pollUntil(() => existsSync(device) || vsock.exitCode !== null)
  // One CPU: on a busy machine Linux may wait for the start of a second one for ever.
  const hardware = [
    ...['-L', tools, '-nodefaults', '-nographic', '-no-reboot', '-monitor', 'none', '-serial', 'stdio'],
    ...['-M', 'nitro-enclave,vsock=v,id=quorate,acpi=on', '-accel', 'tcg', '-cpu', 'max', '-smp', '1'],
    ...['-m', `${memory}M`, '-chardev', `socket,id=v,path=${device}`, '-kernel', eif],
  ]
  const qemu = launch(join(tools, 'qemu-system-x86_64'), hardware, signer === undefined ? {} : { NSM_SIGNER: signer })
  let text = ''
  for (const stream of [qemu.stdout, qemu.stderr, vsock.stderr])
    stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(qemu, 'close').then(() => {
    text += `\nQEMU ${stateOf(qemu)}, its vsock device ${stateOf(vsock)}\n`
  })

  const stop = async (): Promise<void> => {
    for (const child of [qemu, vsock]) child.kill('SIGKILL')
    for (const server of servers) server.close()
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  return { socket, heartbeat, console: () => text, ended, stop }
}

const stateOf = ({ exitCode, signalCode }: ChildProcess): string => {
  const end = exitCode ?? signalCode
  return end === null ? 'runs' : `has ended with ${end}`
}

/** Where a machine with this folder is reached. */
export const hybridSocket = (folder: string): string => join(folder, 'vm')

/** Ends when this process does, however that comes. */
const launch = (executable: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn('setpriv', ['--pdeathsig', 'KILL', executable, ...args], { env: { ...process.env, ...env } })

function answerBeat(beat: Socket, resolve: (byte: number) => void): void {
  beat
    .on('error', () => beat.destroy())
    .once('data', (bytes) => {
      beat.end(bytes)
      resolve(Number(bytes[0]))
    })
}

/** The first line that the enclave sends on one of its ports. The device tells no end of a stream, so lines are what there is. */
export async function readLine({ socket: path }: Machine, port: number): Promise<string> {
  const socket = connect(path)
    .setEncoding('utf8')
    .setTimeout(20_000, () => socket.destroy(new Error('silence')))
  socket.write(`CONNECT ${port}\n`)
  let text = ''
  for await (const chunk of socket) {
    text += chunk as string
    const [answer = '', line, rest] = text.split('\n')
    if (rest === undefined) continue
    if (!/^OK \d+$/.test(answer)) break
    return line ?? ''
  }
  throw new Error(`nobody answers on port ${port}`)
}
