import { Session } from 'node:inspector/promises'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { Profiler } from 'node:inspector'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuOf } from '@quorate/local/fleet/usage'
import { single, type Figure } from './figures.ts'
import { onStage, processesOf, signOnce, sumOf, type Scene } from './fleet.ts'
import { runLoad } from './load.ts'

/*
 * Where the CPU of a signature goes inside gateway, enclaves and SDK: shares of a sampled profile of each main thread, times the CPU of its process.
 */

const parts = ['frost', 'crypto', 'sockets', 'store', 'gc', 'rest'] as const
type Part = (typeof parts)[number]
type Shares = Readonly<Record<Part, number>>
type Frame = Profiler.ProfileNode['callFrame']

const isCrypto = /@noble|^node:internal\/crypto/
const cryptoJobs = /^(run|SignJob|VerifyJob|Hmac|Hash|CipherBase|update|final|digest|getAuthTag)$/
const socketCalls = /^(write[vA-Z]?\w*|shutdown|readStart|readStop)$/

/** Whose the time at the top of the stack is. Natives have no url. */
function partOf({ functionName, url }: Frame): Part | null {
  if (functionName === '(idle)') return null
  if (functionName === '(garbage collector)') return 'gc'
  if (url.startsWith('wasm:')) return 'frost'
  if (isCrypto.test(url) || (url === '' && cryptoJobs.test(functionName))) return 'crypto'
  if (url === '' && socketCalls.test(functionName)) return 'sockets'
  if (url === '' && functionName === 'postMessage') return 'store'
  return 'rest'
}

/** Of the time that the thread was at work. */
function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Shares {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const spent = Object.fromEntries(parts.map((part) => [part, 0])) as Record<Part, number>
  for (const [at, id] of samples.entries()) {
    const frame = frames.get(id)
    const part = frame === undefined ? null : partOf(frame)
    if (part !== null) spent[part] += timeDeltas[at] ?? 0
  }
  const all = parts.reduce((sum, part) => sum + spent[part], 0)
  return Object.fromEntries(parts.map((part) => [part, spent[part] / all])) as Shares
}

/** Node ends orderly, and writes its profile, where a process would just be gone. */
const onTerm = 'data:text/javascript,process.once("SIGTERM",()=>process.exit())'

/** The profile of the main thread of this process. Workers have a number of their own. */
async function profileOf(folder: string, pid: number): Promise<Shares> {
  const name = (await readdir(folder)).find((file) => file.includes(`.${pid}.0.`))
  if (name === undefined) throw new Error(`process ${pid} has left no profile`)
  return sharesOf(JSON.parse(await readFile(join(folder, name), 'utf8')) as Profiler.Profile)
}

const RUNS = 2_000

/** CPU (ms) of each process for one signature. */
type Costs = ReadonlyMap<number, number>

/** What a signature costs each process, which of them is what, and the profile of the SDK. */
async function runProfiled(scene: Scene) {
  await runLoad(300, 10, (n) => signOnce(scene, `warm-up ${n}`))
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.start')
  const who = processesOf(scene)
  const measure = () => new Map(Object.values(who).flatMap((pids) => pids.map((pid) => [pid, cpuOf(pid)] as const)))
  const before = measure()
  await runLoad(RUNS, 10, (n) => signOnce(scene, `profiled ${n}`))
  const costs: Costs = new Map([...measure()].map(([pid, cpu]) => [pid, (cpu - (before.get(pid) ?? 0)) / RUNS]))
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return { who, costs, client: sharesOf(profile) }
}

export const profileNames = ['profile.sign.frost-2of3']

/** For a signature 2-of-3 of FROST. Profiling itself costs a part: the sums are not `cpu.sign.frost-2of3`. */
export async function benchProfile(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-profiles-'))
  try {
    const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500', '--import', onTerm]
    const { who, costs, client } = await onStage(runProfiled, nodeArgs)
    const figures: Figure[] = []
    for (const [name, pids] of Object.entries(who)) {
      const shares = new Map<number, Shares>()
      for (const pid of pids) shares.set(pid, pid === process.pid ? client : await profileOf(folder, pid))
      for (const part of parts) {
        const ms = sumOf(pids, (pid) => (costs.get(pid) ?? 0) * (shares.get(pid)?.[part] ?? 0))
        if (ms > 0) figures.push(single(`profile.sign.frost-2of3.${name}.${part}`, ms, 'ms', RUNS))
      }
    }
    return figures
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
