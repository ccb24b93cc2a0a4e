/** Where an enclave listens, or is reached: `unix:PATH` or `tcp:HOST:PORT`. `vsock:CID:PORT` joins with its transport. */
export type Address = { kind: 'unix'; path: string } | { kind: 'tcp'; host: string; port: number }

/** Throws a plain Error that names the forms, since addresses come from an operator's configuration. */
export function parseAddress(text: string): Address {
  const unix = /^unix:(.+)$/.exec(text)
  if (unix?.[1]) return { kind: 'unix', path: unix[1] }
  const tcp = /^tcp:([^:]+|\[[0-9a-f:]+\]):(\d{1,5})$/.exec(text)
  if (tcp?.[1] && tcp[2] && Number(tcp[2]) < 65_536)
    return { kind: 'tcp', host: tcp[1].replace(/^\[|\]$/g, ''), port: Number(tcp[2]) }
  throw new Error(`not an enclave address: ${text} (unix:PATH or tcp:HOST:PORT)`)
}
