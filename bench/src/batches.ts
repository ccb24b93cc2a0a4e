import type { Content } from '@quorate/client'
import { loadMpc, type Mpc } from '@quorate/shared/mpc'
import { musig2Operations } from './crypto-musig2.ts'
import { ourOperations } from './crypto-ours.ts'
import { duration, single, type Figure } from './figures.ts'
import { cpuOfFleet, type Scene } from './fleet.ts'
import { makeGroup, signItems, type Group, type Shape } from './groups.ts'
import { runLoad } from './load.ts'
import type { Prepare } from './operation.ts'

/** Items in a batch, and how many batches are measured. */
type Size = readonly [items: number, runs: number]

/** `operations`: what one of the signers does, and what each host does to join the partials. */
type Kind = Readonly<{
  name: string
  sizes: readonly Size[]
  shape: Shape
  operations: (mpc: Mpc) => Prepare
  itemOf: (at: number) => string | Content
}>

const frost: Shape = { scheme: 'frost-secp256k1-tr', threshold: 2, of: 3, content: ['bytes', 'nostr-event'] }
const frostOperations = (mpc: Mpc) => ourOperations(mpc.frost('frost-secp256k1-tr'))
const bytes = (at: number): string => `bytes ${at} ${Math.random()}`
const event = (at: number): Content => ({
  type: 'nostr-event',
  event: { kind: 1, content: bytes(at), tags: [], created_at: at },
})

const one: Size = [1, 60]
const ten: Size = [10, 20]
const hundred: Size = [100, 8]
const upToSixteen: readonly Size[] = [one, [2, 60], [4, 40], [8, 20], ten, [16, 16]]

const kinds: readonly Kind[] = [
  { name: 'frost-2of3', shape: frost, operations: frostOperations, itemOf: bytes, sizes: [...upToSixteen, hundred] },
  {
    name: 'musig2-3of3',
    shape: { scheme: 'musig2', threshold: 3, of: 3 },
    operations: (mpc) => musig2Operations(mpc, 3),
    itemOf: bytes,
    sizes: [one, ten, hundred],
  },
  { name: 'events', shape: frost, operations: frostOperations, itemOf: event, sizes: [hundred] },
  {
    name: 'mixed',
    shape: frost,
    operations: frostOperations,
    itemOf: (at) => (at % 2 === 0 ? bytes(at) : event(at)),
    sizes: [hundred],
  },
]

const CRYPTO_RUNS = 240
const WARM_UP = 60

export const batchNames = kinds.flatMap(({ name, sizes }) => sizes.map(([items]) => `batch.${name}.${items}`))

/** Does the cryptography of items, so many times; gives its CPU (ms): each signer commits and signs, and each of their hosts joins the partials. */
function cryptoOf({ shape, operations }: Kind, mpc: Mpc): (runs: number) => number {
  const prepare = operations(mpc)
  return (runs) => {
    let spent = 0
    for (let run = 0; run < runs; run += 1) {
      for (const operation of prepare()) {
        if (!['commit', 'sign', 'aggregate'].includes(operation.name)) continue
        const before = process.cpuUsage()
        operation.run()
        const { user, system } = process.cpuUsage(before)
        spent += (user + system) / 1_000
      }
    }
    return shape.threshold * spent
  }
}

/**
 * How long a batch takes and an item of it, the CPU of gateway and enclaves for an item, and that of its cryptography alone, some of it after each
 * batch: how fast the machine is changes by the minute.
 */
async function batchOf(scene: Scene, mpc: Mpc, kind: Kind, group: Group, [items, runs]: Size) {
  const name = `batch.${kind.name}.${items}`
  const sign = () =>
    signItems(
      group,
      Array.from({ length: items }, (_, at) => kind.itemOf(at)),
    )
  await runLoad(Math.ceil(20 / items) + 1, 1, sign)
  const [crypto, slice] = [cryptoOf(kind, mpc), Math.ceil(CRYPTO_RUNS / runs)]
  crypto(WARM_UP)
  const durations: number[] = []
  const spent = { batches: 0, crypto: 0 }
  for (let run = 0; run < runs; run += 1) {
    const before = cpuOfFleet(scene)
    durations.push(...(await runLoad(1, 1, sign)).durations)
    spent.batches += cpuOfFleet(scene) - before
    spent.crypto += crypto(slice)
  }
  const cpu = spent.batches / (runs * items)
  const alone = spent.crypto / (runs * slice)
  return [
    duration(name, durations),
    duration(
      `${name}.per-item`,
      durations.map((ms) => ms / items),
    ),
    single(`${name}.cpu`, cpu, 'ms', runs * items),
    single(`${name}.crypto`, alone, 'ms', runs * slice),
    single(`${name}.ratio`, cpu / alone, '×', runs * items),
  ]
}

/** Batches of 1, 10 and 100 items, and of `bytes` and events mixed. */
export async function benchBatches(scene: Scene, wanted: (name: string) => boolean): Promise<Figure[]> {
  const mpc = await loadMpc()
  const figures: Figure[] = []
  for (const kind of kinds) {
    const sizes = kind.sizes.filter(([items]) => wanted(`batch.${kind.name}.${items}`))
    if (sizes.length === 0) continue
    const group = await makeGroup(scene.quorate, kind.shape)
    for (const size of sizes) figures.push(...(await batchOf(scene, mpc, kind, group, size)))
  }
  return figures
}
