import { LogLine } from '@quorate/shared/log-line'
import { EnclaveId } from '@quorate/shared/wire/ids'
import { expect, it } from 'vitest'
import { createEnclaveLog } from '../src/events.ts'

it('are written in the one form of all logs, with the name of the enclave', () => {
  const lines: unknown[] = []
  const log = createEnclaveLog(EnclaveId.parse('enclave-0'), (line) => lines.push(JSON.parse(line)))
  log({ event: 'root.opened', signKey: 'ab' })
  log({ event: 'kms.clock_differs', seconds: 400 })
  log({ event: 'enclave.crashed', error: 'RangeError' })
  for (const line of lines) expect(LogLine.parse(line)).toMatchObject({ enclave: 'enclave-0' })
  expect(lines).toMatchObject([
    { level: 'info', event: 'root.opened', signKey: 'ab' },
    { level: 'warn', event: 'kms.clock_differs', seconds: 400 },
    { level: 'fatal', event: 'enclave.crashed', error: 'RangeError' },
  ])
})
