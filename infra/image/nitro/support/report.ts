/** What the probe finds in its enclave. */
export type Report = Readonly<{
  pcrs: Readonly<Record<string, string>>
  /** The NSM's document for public key `key`, user data `data` and nonce `nonce`, base64. */
  document: string
  random: string
  user: number
  capabilities: readonly string[]
  noNewPrivileges: boolean
  devices: readonly string[]
  root: readonly string[]
  /** Processes that it can see, itself included. */
  processes: number
  /** Path → errno, or that writing was allowed. */
  writes: Readonly<Record<string, string>>
  commandLine: string
  /** In s since the kernel began. */
  uptime: number
  /** In ms since 1970. */
  time: number
}>
