import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TrustPolicy } from '@quorate/shared/attestation/policy'
import { type Measurements } from '@quorate/shared/wire/measurements'

/**
 * Writes what SDK and CLI take as their trust: the development root and the image that this fleet runs. `renewed`: the fleet
 * ran another image before.
 */
export async function writeTrust(
  state: string,
  root: string,
  measurements: Measurements,
): Promise<{ trust: TrustPolicy; path: string; renewed: boolean }> {
  const path = join(state, 'trust.json')
  const trust: TrustPolicy = { roots: [root], measurements: [measurements] }
  const before = await readFile(path, 'utf8').then(parse, () => null)
  const draft = `${path}.${process.pid}`
  await writeFile(draft, JSON.stringify(trust, null, 2) + '\n', { mode: 0o600 })
  await rename(draft, path)
  return { trust, path, renewed: before !== null && before.measurements[0]?.['0'] !== measurements['0'] }
}

function parse(text: string): TrustPolicy | null {
  try {
    return TrustPolicy.parse(JSON.parse(text))
  } catch {
    return null
  }
}
