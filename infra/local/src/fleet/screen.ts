import type { FleetEvent } from './events.ts'
import { paint } from '../paint.ts'

const { bold, cyan, dim, green, red, yellow } = paint
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`

/** A PCR as people compare it: its first and last bytes. */
export const shortPcr = (pcr: string): string => `${pcr.slice(0, 8)}…${pcr.slice(-8)}`

/** What `make fleet` says about an event: one line, or nothing. */
export function createScreen(): (event: FleetEvent) => string | null {
  const pids = new Map<string, number>()
  const been = new Set<string>()
  let pcr0 = ''
  return (event) => {
    switch (event.type) {
      case 'measured':
        pcr0 = shortPcr(event.measurements['0'] ?? '')
        return event.renewed
          ? yellow('  the image is another one than last time: KMS serves this one from now on')
          : null
      case 'started':
        pids.set(event.name, event.pid)
        return null
      case 'ready': {
        const about = [event.name, pids.get(event.name), been.has(event.name) ? 'is back' : null, pcr0] as const
        been.add(event.name)
        return readyLine(about, event.after)
      }
      case 'exited': {
        if (event.restartIn === null) return null
        const how = event.signal ?? `code ${event.code ?? 'unknown'}`
        return `  ${red('✗')} ${event.name.padEnd(18)} ended (${how}), starts again in ${event.restartIn} ms`
      }
      case 'fleet.ready':
        return `\n${bold(green('ready'))} ${bold(cyan(event.url))}`
      case 'stopping':
        return dim('\nstopping …')
      case 'stopped':
        return dim(`stopped after ${seconds(event.after)}`)
    }
  }
}

type About = readonly [name: string, pid: number | undefined, back: string | null, pcr0: string]

function readyLine([name, pid, back, pcr0]: About, after: number): string {
  const measured = name.startsWith('enclave-') ? `PCR0 ${pcr0}` : ''
  const columns = [
    name.padEnd(18),
    seconds(after).padStart(7),
    dim(`pid ${pid ?? '?'}`.padEnd(12)),
    measured,
    back ?? '',
  ]
  return `  ${green('✓')} ${columns.join('  ')}`.trimEnd()
}

type Running = Readonly<{ url: string; metricsUrl: string; trust: string; logs: string; cli: string }>

/** What to do with a fleet that runs. Paths are whole, so that they can be copied to any terminal. */
export const hints = ({ url, metricsUrl, trust, logs, cli }: Running): string =>
  [
    '',
    `  trust   ${trust}   ${dim('whom SDK and CLI take for an enclave')}`,
    `  logs    ${logs}`,
    `  docs    ${url}/docs`,
    `  metrics ${metricsUrl}/metrics`,
    '',
    '  In another terminal:',
    cyan(`    alias quorate="node ${cli}"`),
    cyan(`    export QUORATE_GATEWAY=${url} QUORATE_TRUST=${trust}`),
    cyan('    quorate fleet ') + dim('      the enclaves, each attested before your eyes'),
    cyan('    quorate demo  ') + dim('      a key of three people, and a signature by two'),
    cyan('    quorate --help') + dim('      keygen, participate, sign, approve, verify …'),
    '',
    dim('  Ctrl-C ends it. The same STATE brings back the same enclaves and keys.'),
    '',
  ].join('\n')
