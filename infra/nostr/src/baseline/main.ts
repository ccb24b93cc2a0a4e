import { createInterface } from 'node:readline'
import { openBaseline } from './bunker.ts'

// The baseline as a process of its own, over the relay that the first argument names. It says its user's key, then a URI for each line.
const { user, uri, close } = await openBaseline(process.argv[2] ?? '')
process.stdout.write(`${user}\n`)
createInterface({ input: process.stdin })
  .on('line', () => void uri().then((one) => process.stdout.write(`${one}\n`)))
  .on('close', () => void close())
