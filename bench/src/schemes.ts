import { duration, rate, type Figure } from './figures.ts'
import type { Scene } from './fleet.ts'
import { makeGroup, signItems, type Shape } from './groups.ts'
import { runLoad } from './load.ts'

/** Other keys than the 2-of-3 of FROST, by their names. */
const shapes: Readonly<Record<string, Shape>> = {
  'musig2-2of2': { scheme: 'musig2', threshold: 2, of: 2 },
  'musig2-3of3': { scheme: 'musig2', threshold: 3, of: 3 },
  'frost-7of10': { scheme: 'frost-secp256k1-tr', threshold: 7, of: 10 },
}

export const schemeNames = Object.keys(shapes).flatMap((name) => [`sign.${name}`, `sign.${name}.inflight-50`])

/** Single signatures end to end: one after the other, and so many a second with 50 in flight. */
export async function benchSchemes({ quorate }: Scene, wanted: (name: string) => boolean): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [shapeName, shape] of Object.entries(shapes)) {
    const name = `sign.${shapeName}`
    if (!wanted(name) && !wanted(`${name}.inflight-50`)) continue
    const group = await makeGroup(quorate, shape)
    const sign = (n: number) => signItems(group, [`${name} ${n}`])
    await runLoad(30, 4, sign)
    if (wanted(name)) figures.push(duration(name, (await runLoad(100, 1, sign)).durations))
    if (!wanted(`${name}.inflight-50`)) continue
    const { durations, seconds } = await runLoad(500, 50, sign)
    figures.push(rate(`${name}.inflight-50`, seconds, durations))
  }
  return figures
}
