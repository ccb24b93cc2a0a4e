import type { Figure } from './figures.ts'

/*
 * KeyMeld (github.com/tee8z/keymeld), the nearest system that we know: what it took on a machine of this kind, in its own simulation. It was not run
 * beside ours: only the order of magnitude can be compared.
 */

/** By the names of our figures. ms, or signatures a second. */
const measured: Readonly<Record<string, number>> = {
  'sign.musig2-2of2': 374,
  'sign.musig2-3of3': 385,
  'sign.musig2-2of2.inflight-50': 68,
  'sign.musig2-3of3.inflight-50': 68,
  'batch.musig2-3of3.10': 635,
  'batch.musig2-3of3.100': 655,
  'sign.musig2-2of2.cpu': 12.6,
}

/** Each figure of ours that KeyMeld has one of, in lines to print. */
export function besideKeymeld(figures: readonly Figure[]): string[] {
  const lines = figures.flatMap(({ name, value, unit }) => {
    const theirs = measured[name]
    return theirs === undefined ? [] : [`${name}: ${value} ${unit}, KeyMeld ${theirs} ${unit}`]
  })
  return lines.length === 0 ? [] : ['', 'Beside KeyMeld (method and limits: docs/benchmarks.md):', ...lines]
}
