import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createNsm } from '@quorate/enclave/platform/nsm'
import { openNsmDevice } from '@quorate/enclave/platform/nsm-device'
import { testStreams } from '@quorate/shared/linux/self-test'
import { listenVsock, PARENT_CID } from '@quorate/shared/linux/vsock'
import type { Report } from './support/report.ts'

// An application for the enclave image that tells what it finds there: one line of JSON for each connection.
await testStreams()
const nsm = createNsm(openNsmDevice())

function attempt(act: () => unknown): string {
  try {
    return `allowed: ${String(act())}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function report(): Promise<Report> {
  const pcrs: Record<string, string> = {}
  for (const index of [0, 1, 2, 3, 4, 8]) {
    pcrs[index] = Buffer.from((await nsm.describePcr(index)).value).toString('hex')
  }
  const [publicKey, userData, nonce] = [Buffer.from('key'), Buffer.from('data'), Buffer.from('nonce')]
  const status = readFileSync('/proc/self/status', 'utf8')
  return {
    pcrs,
    document: Buffer.from(await nsm.attest({ publicKey, userData, nonce })).toString('base64'),
    random: Buffer.from(await nsm.random(32)).toString('hex'),
    user: process.getuid?.() ?? -1,
    capabilities: [...status.matchAll(/^Cap\w+:\s+(\w+)$/gm)].map(([, set]) => set ?? ''),
    noNewPrivileges: /^NoNewPrivs:\s+1$/m.test(status),
    devices: readdirSync('/dev').sort(),
    root: readdirSync('/').sort(),
    processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
    writes: Object.fromEntries(
      ['/app/x', '/x', '/dev/x', '/tmp/x', '/proc/sys/kernel/core_pattern'].map((path) => [
        path,
        attempt(() => writeFileSync(path, 'x')),
      ]),
    ),
    commandLine: readFileSync('/proc/cmdline', 'utf8').trim(),
    uptime: Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
    time: Date.now(),
  }
}

listenVsock(5000, [PARENT_CID], (socket) => {
  socket.on('error', () => socket.destroy())
  void report().then(
    (found) => socket.end(`${JSON.stringify(found)}\n`),
    (error: unknown) => socket.end(`${JSON.stringify({ error: String(error) })}\n`),
  )
})
process.stdout.write('the probe listens\n')
