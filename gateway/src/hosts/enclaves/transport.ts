import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { connectVsock } from '@quorate/shared/linux/vsock'
import type { Address } from '@quorate/shared/wire/address'

/** Connects, however the enclave is reached. Throws what connecting fails with, or the signal's reason. */
export function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  switch (address.kind) {
    case 'unix':
      return open({ path: address.path }, signal)
    case 'tcp':
      return open({ host: address.host, port: address.port, noDelay: true, keepAlive: true }, signal)
    case 'vsock':
      return connectVsock(address.cid, address.port, signal)
    case 'hybrid':
      return dialHybrid(address.path, address.port, signal)
  }
}

async function open(options: NetConnectOpts, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const socket = connect(options)
  await until(socket, 'connect', signal, () => true)
  return socket
}

/**
 * A guest's vsock port behind a UNIX socket, as Firecracker and vhost-device-vsock offer it: `CONNECT port\n`, answered by
 * `OK hostport\n`, and from then on the stream is the guest's. Not one byte beyond the answer is taken from it.
 */
async function dialHybrid(path: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = await open({ path }, signal)
  socket.write(`CONNECT ${port}\n`)
  let answer = ''
  await until(socket, 'readable', signal, () => {
    for (let byte = read(socket); byte !== null; byte = read(socket)) {
      answer += byte
      if (byte === '\n' || answer.length > longestAnswer) {
        if (/^OK \d{1,10}\n$/.test(answer)) return true
        throw new Error('the hybrid socket refuses the port')
      }
    }
    return false
  })
  return socket
}

const longestAnswer = 16

const read = (socket: Socket): string | null => (socket.read(1) as Buffer | null)?.toString('latin1') ?? null

/** Waits until `arrived` says so on an event. Destroys the socket when it throws, errs or closes, or the signal fires. */
function until(socket: Socket, event: string, signal: AbortSignal, arrived: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off(event, look).off('error', fail).off('close', gone)
      signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown) => {
      settle()
      socket.on('error', () => undefined).destroy()
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- an Error or the signal's own reason
      reject(error)
    }
    const gone = () => fail(new Error('closed before it was connected'))
    const abort = () => fail(signal.reason)
    const look = () => {
      try {
        if (!arrived()) return
        settle()
        resolve()
      } catch (error) {
        fail(error)
      }
    }
    socket.on(event, look).on('error', fail).on('close', gone)
    signal.addEventListener('abort', abort)
  })
}
