// Where a gateway begins as a program of its own. What it is made of is loaded after the Node that runs it has been checked.
import { requireNode } from './require-node.ts'

requireNode()
const { readConfig } = await import('./config.ts')
const { startGateway } = await import('./gateway.ts')

try {
  const gateway = await startGateway(readConfig(process.env))
  const stop = () => {
    void gateway.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGHUP', () => void gateway.reload())
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (reason) {
  process.stderr.write(`${reason instanceof Error ? reason.message : 'the gateway does not start'}\n`)
  process.exit(1)
}
