import { randomInt } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { FleetError } from './events.ts'

const host = '127.0.0.1'

/** The port (0: any) that is free right now. Rejects with the system's error when it is not. */
const take = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject).listen({ port, host, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })

const isFree = (port: number): Promise<boolean> =>
  take(port).then(
    () => true,
    () => false,
  )

/**
 * A port that is free, and stays so while what listens there is started again: below those that a system gives away to
 * outgoing connections.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = randomInt(20_000, 32_000)
    if (await isFree(port)) return port
  }
  return take(0)
}

/** This port, or with 0 one that is free. Throws a `FleetError` with this advice when somebody listens there already. */
export async function requirePort(port: number, advice: string): Promise<number> {
  if (port === 0) return freePort()
  return take(port).catch((error: unknown) => {
    throw new FleetError(`port ${port} of ${host} cannot be used (${codeOf(error)}): ${advice}`)
  })
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown')

/** Whether something accepts connections there. */
export const accepts = (target: { path: string } | { port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect('path' in target ? target : { ...target, host })
    const tell = (listening: boolean) => {
      resolve(listening)
      socket.destroy()
    }
    socket.once('connect', () => tell(true)).once('error', () => tell(false))
  })
