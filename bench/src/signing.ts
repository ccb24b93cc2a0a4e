import { cpuOf, memoryOf } from '@quorate/local/fleet/usage'
import { quantile } from '@quorate/local/quantile'
import { duration, rate, single, type Figure } from './figures.ts'
import { makeKey, onStage, processesOf, signOnce, sumOf, type Scene } from './fleet.ts'
import { benchBatches } from './batches.ts'
import { runLoad } from './load.ts'
import { benchSchemes } from './schemes.ts'

const WARM_UP = 60

/** How late the last of a hundred are, and by how much more than the middle one. */
function tail(name: string, durations: readonly number[]): Figure[] {
  const p99 = quantile(durations, 0.99)
  const ratio = p99 / quantile(durations, 0.5)
  return [
    single(`${name}.p99`, p99, 'ms', durations.length),
    single(`${name}.p99-to-p50`, ratio, '×', durations.length),
  ]
}

async function signRates(scene: Scene, wanted: (name: string) => boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  if (wanted('sign.frost-2of3')) {
    const { durations } = await runLoad(200, 1, (n) => signOnce(scene, `one after the other ${n}`))
    figures.push(duration('sign.frost-2of3', durations), ...tail('sign.frost-2of3', durations))
  }
  for (const inFlight of [1, 10, 50]) {
    const name = `sign.frost-2of3.inflight-${inFlight}`
    if (!wanted(name)) continue
    const { durations, seconds } = await runLoad(inFlight === 1 ? 200 : 1_000, inFlight, (n) =>
      signOnce(scene, `${name} ${n}`),
    )
    figures.push(rate(name, seconds, durations))
  }
  return figures
}

/** So many that compilation and collection of garbage have settled. */
const SETTLED = 5_000

/**
 * Per signature, under load: CPU of the gateway, of all enclaves, of the SDK in this process, and of all of them. And what memory gateway and enclaves have taken
 * on meanwhile.
 */
async function costs(scene: Scene): Promise<Figure[]> {
  const { gateway: ofGateway, enclaves } = processesOf(scene)
  const cpu = () => {
    const { user, system } = process.cpuUsage()
    return { gateway: sumOf(ofGateway, cpuOf), enclaves: sumOf(enclaves, cpuOf), client: (user + system) / 1_000 }
  }
  const memory = () => ({ gateway: sumOf(ofGateway, memoryOf), enclaves: sumOf(enclaves, memoryOf) })
  const before = { cpu: cpu(), memory: memory() }
  await runLoad(SETTLED, 10, (n) => signOnce(scene, `cost ${n}`))
  const after = { cpu: cpu(), memory: memory() }
  const per = (who: keyof typeof before.cpu) => (after.cpu[who] - before.cpu[who]) / SETTLED
  const [gateway, hosts, client] = [per('gateway'), per('enclaves'), per('client')]
  const name = 'cpu.sign.frost-2of3'
  const grown = (who: keyof typeof before.memory): Figure =>
    single(`memory.${who}.after-${SETTLED}`, (after.memory[who] - before.memory[who]) / (1 << 20), 'MiB', SETTLED)
  return [
    single(name, gateway + hosts, 'ms', SETTLED),
    single(`${name}.gateway`, gateway, 'ms', SETTLED),
    single(`${name}.enclaves`, hosts, 'ms', SETTLED),
    single(`${name}.client`, client, 'ms', SETTLED),
    single(`${name}.all`, gateway + hosts + client, 'ms', SETTLED),
    grown('gateway'),
    grown('enclaves'),
  ]
}

async function keygens(scene: Scene): Promise<Figure> {
  const { durations } = await runLoad(40, 1, async () => {
    await makeKey(scene.quorate)
  })
  return duration('keygen.frost-2of3', durations)
}

/** Everything that needs a fleet, on one: gateway, KMS stand-in and three enclaves as processes, the SDK here. */
export function benchSigning(wanted: (name: string) => boolean): Promise<Figure[]> {
  return onStage(async (scene) => {
    await runLoad(WARM_UP, 4, (n) => signOnce(scene, `warm-up ${n}`))
    const figures = await signRates(scene, wanted)
    if (wanted('keygen.frost-2of3')) figures.push(await keygens(scene))
    if (wanted('cpu.sign.frost-2of3')) figures.push(...(await costs(scene)))
    figures.push(...(await benchSchemes(scene, wanted)), ...(await benchBatches(scene, wanted)))
    return figures
  })
}
