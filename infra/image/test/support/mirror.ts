import { once } from 'node:events'
import { createReadStream, existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export type Mirror = Readonly<{ url: string; asked: readonly string[]; close: () => Promise<void> }>

/** A folder over loopback. What `holds` says is asked for and never answered. */
export async function serve(folder: string, holds: (path: string) => boolean = () => false): Promise<Mirror> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/')
    asked.push(path)
    if (holds(path)) return
    const file = join(folder, path)
    if (!existsSync(file)) response.writeHead(404).end()
    else createReadStream(file).pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
