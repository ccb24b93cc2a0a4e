import { proveAdaptor, type Signable } from '@quorate/client'
import { toHex, toUtf8 } from '@quorate/shared/wire/bytes'
import { duration, rate, single, type Figure } from './figures.ts'
import { cpuOfFleet, type Scene } from './fleet.ts'
import { makeGroup, signItems, type Shape } from './groups.ts'
import { runLoad } from './load.ts'

/** Other keys than the 2-of-3 of FROST, by their names. */
const shapes = {
  'musig2-2of2': { scheme: 'musig2', threshold: 2, of: 2 },
  'musig2-3of3': { scheme: 'musig2', threshold: 3, of: 3 },
  'ed25519-2of3': { scheme: 'frost-ed25519', threshold: 2, of: 3 },
  'frost-7of10': { scheme: 'frost-secp256k1-tr', threshold: 7, of: 10 },
  'frost-16of32': { scheme: 'frost-secp256k1-tr', threshold: 16, of: 32 },
} as const satisfies Record<string, Shape>

type ItemOf = (text: string) => Signable

/** Pre-signatures for one point, whose secret nobody needs to know. */
async function preSigned(): Promise<ItemOf> {
  const { point } = await proveAdaptor(crypto.getRandomValues(new Uint8Array(32)))
  const adaptor = { kind: 'one', point } as const
  return (text) => ({ content: { type: 'bytes', bytes: toHex(toUtf8(text)) }, adaptor })
}

type Row = Readonly<{ name: string; shape: Shape; itemOf: () => Promise<ItemOf>; inFlight: boolean }>

const rows: readonly Row[] = [
  ...Object.entries(shapes).map(([name, shape]) => ({
    name: `sign.${name}`,
    shape,
    inFlight: shape.of <= 10,
    itemOf: () => Promise.resolve<ItemOf>((text) => text),
  })),
  { name: 'presign.musig2-2of2', shape: shapes['musig2-2of2'], itemOf: preSigned, inFlight: false },
]

export const schemeNames = rows.flatMap(({ name, inFlight }) => [name, ...(inFlight ? [`${name}.inflight-50`] : [])])

const RUNS = 100

/** Single signatures and pre-signatures end to end: one after the other, with the CPU of gateway and enclaves, and so many a second with 50 in flight. */
export async function benchSchemes(scene: Scene, wanted: (name: string) => boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { name, shape, itemOf, inFlight } of rows) {
    const isWanted = inFlight && wanted(`${name}.inflight-50`)
    if (!wanted(name) && !isWanted) continue
    const [group, item] = [await makeGroup(scene.quorate, shape), await itemOf()]
    const sign = (n: number) => signItems(group, [item(`${name} ${n}`)])
    await runLoad(30, 4, sign)
    if (wanted(name)) {
      const before = cpuOfFleet(scene)
      const { durations } = await runLoad(RUNS, 1, sign)
      const cpu = (cpuOfFleet(scene) - before) / RUNS
      figures.push(duration(name, durations), single(`${name}.cpu`, cpu, 'ms', RUNS))
    }
    if (!isWanted) continue
    const { durations, seconds } = await runLoad(500, 50, sign)
    figures.push(rate(`${name}.inflight-50`, seconds, durations))
  }
  return figures
}
