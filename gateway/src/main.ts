/** Where a gateway begins as a program of its own. The Node that runs it is checked before anything else is loaded. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(
    `quorate needs Node 22.19 or newer, and this is ${process.version}: run \`npm install\` and use node_modules/.bin/node\n`,
  )
  process.exit(1)
}

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
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
} catch (reason) {
  process.stderr.write(`${reason instanceof Error ? reason.message : 'the gateway does not start'}\n`)
  process.exit(1)
}

export {}
