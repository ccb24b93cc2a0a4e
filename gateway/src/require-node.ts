/** Ends the process with advice where this Node is too old. To be called before anything is loaded that would stumble over it. */
export function requireNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 19)) return
  const advice = 'run `npm install` and use node_modules/.bin/node'
  process.stderr.write(`quorate needs Node 22.19 or newer, and this is ${process.version}: ${advice}\n`)
  process.exit(1)
}
