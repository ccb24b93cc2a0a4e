/**
 * Where an enclave is reached: `unix:PATH`, `tcp:HOST:PORT`, `vsock:CID:PORT`, or `hybrid:PATH:PORT` for a guest's vsock port
 * behind the UNIX socket of Firecracker or vhost-device-vsock.
 */
export type Address =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'vsock'; cid: number; port: number }
  | { kind: 'hybrid'; path: string; port: number }

/** Where an enclave listens: `unix:PATH`, `tcp:HOST:PORT`, or `vsock:ANY:PORT`, since its host chooses its CID. */
export type ListenAddress = Extract<Address, { kind: 'unix' | 'tcp' }> | { kind: 'vsock'; port: number }

const lastPort = 0xffff_fffe

/**
 * Throws a plain Error that names the forms, since addresses come from an operator's configuration. CIDs 0 to 2 are the
 * hypervisor, loopback and the host, 2³² − 1 is a wildcard: none of them is an enclave.
 */
export function parseAddress(text: string): Address {
  const stream = parseStream(text)
  if (stream) return stream
  const vsock = /^vsock:(\d{1,10}):(\d{1,10})$/.exec(text)
  if (vsock) {
    const cid = Number(vsock[1])
    const port = Number(vsock[2])
    if (cid > 2 && cid < 0xffff_ffff && port <= lastPort) return { kind: 'vsock', cid, port }
  }
  const hybrid = /^hybrid:(.+):(\d{1,10})$/.exec(text)
  if (hybrid?.[1] && Number(hybrid[2]) <= lastPort) return { kind: 'hybrid', path: hybrid[1], port: Number(hybrid[2]) }
  throw new Error(`not an enclave address: ${text} (${addressFault(text)})`)
}

const portless: Readonly<Record<string, string>> = { tcp: 'tcp:HOST', vsock: 'vsock:CID', hybrid: 'hybrid:PATH' }

/** Why `parseAddress` refuses a text, without the text. */
export function addressFault(text: string): string {
  const form = portless[/^(\w+):(?:[^:]+|\[[^\]]*\]):?$/.exec(text)?.[1] ?? '']
  return form === undefined
    ? 'unix:PATH, tcp:HOST:PORT, vsock:CID:PORT or hybrid:PATH:PORT'
    : `${form} wants a port: ${form}:PORT`
}

/** As `parseAddress`, for the listening side. */
export function parseListenAddress(text: string): ListenAddress {
  const stream = parseStream(text)
  if (stream) return stream
  const vsock = /^vsock:ANY:(\d{1,10})$/.exec(text)
  if (vsock && Number(vsock[1]) <= lastPort) return { kind: 'vsock', port: Number(vsock[1]) }
  const forms = text.startsWith('tcp:') ? addressFault(text) : 'unix:PATH, tcp:HOST:PORT or vsock:ANY:PORT'
  throw new Error(`not an address to listen on: ${text} (${forms})`)
}

/** Inverse of `parseListenAddress`. */
export function formatListenAddress(address: ListenAddress): string {
  switch (address.kind) {
    case 'unix':
      return `unix:${address.path}`
    case 'tcp':
      return `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
    case 'vsock':
      return `vsock:ANY:${address.port}`
  }
}

function parseStream(text: string): Extract<Address, { kind: 'unix' | 'tcp' }> | null {
  const unix = /^unix:(.+)$/.exec(text)
  if (unix?.[1]) return { kind: 'unix', path: unix[1] }
  const tcp = /^tcp:([^:]+|\[[0-9a-f:]+\]):(\d{1,5})$/.exec(text)
  if (tcp?.[1] && tcp[2] && Number(tcp[2]) < 65_536)
    return { kind: 'tcp', host: tcp[1].replace(/^\[|\]$/g, ''), port: Number(tcp[2]) }
  return null
}
