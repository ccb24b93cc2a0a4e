import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

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
  stop: () => Promise<void>
}>

export type MachineOptions = Readonly<{
  /** Where prepare.sh has put QEMU. */
  tools: string
  eif: string
  /** Of the guest, never 0 to 3. The kernel of this machine has no part in it. */
  cid: number
  /** In MiB. */
  memory?: number
  /** What listens on the parent's vsock ports beside the heartbeat's. */
  services?: Readonly<Record<number, (socket: Socket) => void>>
}>

export async function startMachine({
  tools,
  eif,
  cid,
  memory = 1024,
  services = {},
}: MachineOptions): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-nitro-'))
  const socket = join(folder, 'vm')
  const device = join(folder, 'device')
  const children: ChildProcess[] = []
  const servers: Server[] = []
  const listen = (port: number, serve: (socket: Socket) => void): void => {
    servers.push(createServer(serve).listen(`${socket}_${port}`))
  }
  const heartbeat = new Promise<number>((resolve) => {
    listen(heartbeatPort, (beat) =>
      beat
        .on('error', () => beat.destroy())
        .once('data', (bytes) => {
          beat.end(bytes)
          resolve(Number(bytes[0]))
        }),
    )
  })
  for (const [port, serve] of Object.entries(services)) listen(Number(port), serve)

  const vsock = spawn(join(tools, 'vhost-device-vsock'), [
    '--vm',
    `guest-cid=${cid},socket=${device},uds-path=${socket}`,
  ])
  children.push(vsock)
  await sleep(500)
  const qemu = spawn(join(tools, 'qemu-system-x86_64'), [
    ...['-L', tools, '-nodefaults', '-nographic', '-no-reboot', '-monitor', 'none', '-serial', 'stdio'],
    ...['-M', 'nitro-enclave,vsock=v,id=quorate,acpi=on', '-accel', 'tcg', '-cpu', 'max', '-smp', '2'],
    ...['-m', `${memory}M`, '-chardev', `socket,id=v,path=${device}`, '-kernel', eif],
  ])
  children.push(qemu)
  let text = ''
  for (const stream of [qemu.stdout, qemu.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = new Promise<void>((resolve) => qemu.once('close', () => resolve()))

  const stop = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL')
    for (const server of servers) server.close()
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  return { socket, heartbeat, console: () => text, ended, stop }
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
