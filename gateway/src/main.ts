// Where a gateway begins as a program of its own. What it is made of is loaded after the Node that runs it has been checked.
import { requireNode } from './require-node.ts'

requireNode()
// Before anything is opened: whoever asks it to end while it starts waits until it has started, and it closes then.
const stopped = new Promise<void>((resolve) => {
  process.once('SIGTERM', resolve)
  process.once('SIGINT', resolve)
})
const { readConfig } = await import('./config.ts')
const { startGateway } = await import('./gateway.ts')

try {
  const gateway = await startGateway(readConfig(process.env))
  process.on('SIGHUP', () => void gateway.reload())
  await stopped
  await gateway.close()
  process.exit(0)
} catch (reason) {
  process.stderr.write(`${reason instanceof Error ? reason.message : 'the gateway does not start'}\n`)
  process.exit(1)
}
