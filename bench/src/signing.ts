import { cpuOf } from '@quorate/local/fleet/usage'
import { duration, rate, type Figure } from './figures.ts'
import { makeKey, onStage, signOnce, type Scene } from './fleet.ts'
import { benchBatches } from './batches.ts'
import { runLoad } from './load.ts'
import { benchSchemes } from './schemes.ts'

const WARM_UP = 60

async function signRates(scene: Scene, wanted: (name: string) => boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  if (wanted('sign.frost-2of3')) {
    const { durations } = await runLoad(200, 1, (n) => signOnce(scene, `one after the other ${n}`))
    figures.push(duration('sign.frost-2of3', durations))
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

/** CPU per signature by process, under load: what the gateway takes, what all enclaves take, and the SDK in this process. */
async function cpuPerSignature(scene: Scene): Promise<Figure[]> {
  const cpuOfNamed = (name: string) => cpuOf(scene.fleet.pidOf(name) ?? process.pid)
  const read = () => ({
    gateway: cpuOfNamed('gateway'),
    enclaves: [0, 1, 2].reduce((sum, number) => sum + cpuOfNamed(`enclave-${number}`), 0),
    client: process.cpuUsage(),
  })
  const runs = 500
  const before = read()
  await runLoad(runs, 10, (n) => signOnce(scene, `cpu ${n}`))
  const after = read()
  const client = (after.client.user + after.client.system - before.client.user - before.client.system) / 1_000
  const per = (name: string, total: number): Figure => ({
    ...duration(`cpu.sign.frost-2of3.${name}`, [total / runs]),
    runs,
  })
  const gateway = after.gateway - before.gateway
  const enclaves = after.enclaves - before.enclaves
  return [
    { ...per('total', gateway + enclaves), name: 'cpu.sign.frost-2of3' },
    per('gateway', gateway),
    per('enclaves', enclaves),
    per('client', client),
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
    if (wanted('cpu.sign.frost-2of3')) figures.push(...(await cpuPerSignature(scene)))
    figures.push(...(await benchSchemes(scene, wanted)), ...(await benchBatches(scene, wanted)))
    return figures
  })
}
