import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dial } from '../../src/hosts/enclaves/transport.ts'
import { turn } from '../../../shared/test/noticing.js'

let folder: string
let servers: Server[]
let sockets: Socket[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'transport-'))
  servers = []
  sockets = []
})

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A hypervisor's UNIX socket that reads one line and then does this. */
async function hypervisor(answer: (line: string, socket: Socket) => void): Promise<string> {
  const path = join(folder, 'vm.sock')
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    socket.once('data', (line: Buffer) => answer(line.toString(), socket))
  }).listen(path)
  servers.push(server)
  await once(server, 'listening')
  return path
}

const allClosed = () => Promise.all(sockets.filter(({ closed }) => !closed).map((socket) => once(socket, 'close')))

const patience = () => AbortSignal.timeout(60_000)
const hybrid = async (path: string, signal = patience()): Promise<Socket> => {
  const socket = await dial({ kind: 'hybrid', path, port: 5000 }, signal)
  sockets.push(socket)
  return socket
}

describe('a hybrid socket', () => {
  it('asks for the port, and then is the stream of the guest', async () => {
    const asked: string[] = []
    const path = await hypervisor((line, socket) => {
      asked.push(line)
      socket.write('OK 1073741824\n')
      socket.pipe(socket)
    })
    const socket = await hybrid(path)
    socket.write('hello')
    expect(String((await once(socket, 'data'))[0])).toBe('hello')
    expect(asked).toEqual(['CONNECT 5000\n'])
  })

  it('takes an answer in pieces, and nothing of what comes right behind it', async () => {
    const path = await hypervisor((_, socket) => {
      socket.write('OK 10')
      void turn().then(() => socket.write('24\nOK 7\nfirst bytes of the guest'))
    })
    const socket = await hybrid(path)
    expect(String((await once(socket, 'data'))[0])).toBe('OK 7\nfirst bytes of the guest')
  })

  it.each([
    ['says no', 'ERR 5000\n'],
    ['says OK and no port', 'OK\n'],
    ['says something else first', '\nOK 1024\n'],
    ['does not come to an end', 'OK 1111111111111111111111'],
  ])('is closed when the other end %s', async (_, answer) => {
    const path = await hypervisor((_line, socket) => socket.write(answer))
    await expect(hybrid(path)).rejects.toThrow('refuses the port')
    await allClosed()
  })

  it('is not connected when the other end hangs up without an answer', async () => {
    const path = await hypervisor((_, socket) => socket.destroy())
    await expect(hybrid(path)).rejects.toThrow()
  })

  it('is given up with its signal when no answer comes', async () => {
    const over = new AbortController()
    const path = await hypervisor(() => over.abort(new DOMException('its time is over', 'TimeoutError')))
    await expect(hybrid(path, over.signal)).rejects.toMatchObject({ name: 'TimeoutError' })
    await allClosed()
  })
})

describe('connecting', () => {
  it('fails with what the system says', async () => {
    await expect(dial({ kind: 'unix', path: join(folder, 'nobody') }, patience())).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })

  it('does not begin when its signal has fired', async () => {
    const reason = { name: 'AbortError' }
    await expect(dial({ kind: 'unix', path: join(folder, 'x') }, AbortSignal.abort())).rejects.toMatchObject(reason)
  })

  it('reaches no vsock peer under the CID of a host', async () => {
    await expect(dial({ kind: 'vsock', cid: 2, port: 5000 }, patience())).rejects.toThrow(RangeError)
  })
})
