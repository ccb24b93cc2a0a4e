import { startRelay } from './embedded.ts'

// The relay as a process of its own. It says its address, and ends with its input.
const { url, close } = await startRelay()
process.stdout.write(`${url}\n`)
process.stdin.resume().on('end', () => void close())
