import { Refusal, type RefusalCode } from '@quorate/shared/errors'
import { manifestDigest } from '@quorate/shared/verify/manifest'
import type { EnclaveId } from '@quorate/shared/wire/ids'
import type { Manifest } from '@quorate/shared/wire/manifest'
import type { ManifestReport } from '@quorate/shared/wire/routes/manifest'
import type { HostState } from '../engine/ports.ts'
import type { Enclaves } from '../hosts/enclaves/enclaves.ts'
import type { Store, TakenManifest } from '../store/store.ts'
import type { ManifestEvents } from './manifest-events.ts'
import { keepTaken } from './taken-manifests.ts'

export type ManifestPorts = Readonly<{
  enclaves: Pick<Enclaves, 'ids' | 'status' | 'ask' | 'subscribe' | 'introduce'>
  store: Pick<Store, 'loadManifests' | 'saveManifests'>
  clock: () => number
  events: ManifestEvents
}>

export type Manifests = Readonly<{
  /** From now on this one is offered to every enclave that is ready or retired, or becomes so. */
  announce: (manifest: Manifest) => void
  report: () => Promise<ManifestReport>
  close: () => void
}>

/** A timer cannot wait longer than that, ms. */
const LONGEST_TIMER = 0x7fff_ffff

/** `refusals`: what enclaves said last to the manifest that is offered. */
type Offering = ManifestPorts & Readonly<{ refusals: Map<EnclaveId, RefusalCode>; timers: Set<NodeJS.Timeout> }>

const inState = ({ enclaves }: ManifestPorts, ...states: readonly HostState[]) =>
  enclaves.ids().filter((id) => states.includes(enclaves.status(id).state))

/** Enclaves that did not know each other's image do from `effectiveAt` on. */
function introduceAt(offering: Offering, effectiveAt: number): void {
  const { enclaves, clock, timers } = offering
  const timer = setTimeout(
    () => {
      timers.delete(timer)
      void enclaves.introduce(inState(offering, 'ready')).catch(() => undefined)
    },
    Math.min(Math.max(effectiveAt - clock(), 0), LONGEST_TIMER),
  ).unref()
  timers.add(timer)
}

async function offer(offering: Offering, enclaveId: EnclaveId, manifest: Manifest): Promise<void> {
  const { enclaves, store, events, refusals } = offering
  const { serial } = manifest.body
  const digest = manifestDigest(manifest.body)
  try {
    const before = await store.loadManifests(enclaveId)
    const known = before.find(({ notice }) => notice.body.manifestDigest === digest)
    const { notice, effectiveAt } = await enclaves.ask(enclaveId, 'manifest.offer', {
      manifest,
      notice: known?.notice ?? null,
    })
    if (known === undefined) await keep(offering, enclaveId, before, { manifest, notice, effectiveAt })
    refusals.delete(enclaveId)
    events.manifestTaken({ enclaveId, serial, effectiveAt })
    introduceAt(offering, effectiveAt)
  } catch (reason) {
    const code = reason instanceof Refusal ? reason.code : 'internal'
    refusals.set(enclaveId, code)
    events.manifestRefused({ enclaveId, serial, code })
  }
}

async function keep(
  { store, clock }: ManifestPorts,
  enclaveId: EnclaveId,
  before: readonly TakenManifest[],
  taken: TakenManifest,
): Promise<void> {
  const { serial, manifestDigest: digest } = taken.notice.body
  await store.saveManifests(enclaveId, keepTaken(before, taken, clock()), {
    at: clock(),
    event: 'manifest.taken',
    detail: { enclaveId, serial, manifestDigest: digest, effectiveAt: taken.effectiveAt },
  })
}

const reportRows = ({ enclaves, store, refusals }: Offering) =>
  Promise.all(
    enclaves.ids().map(async (enclaveId) => ({
      enclaveId,
      taken: (await store.loadManifests(enclaveId)).map(({ notice, effectiveAt }) => ({ notice, effectiveAt })),
      refusal: refusals.get(enclaveId) ?? null,
    })),
  )

/**
 * Brings the operator's manifest to the enclaves, and keeps their notices of it. The enclaves decide. What they refuse, the gateway
 * tells, and tries again when they restart.
 */
export function createManifests(ports: ManifestPorts): Manifests {
  let current: Manifest | null = null
  const offering: Offering = { ...ports, refusals: new Map(), timers: new Set() }
  const turns = new Map<EnclaveId, Promise<void>>()

  /** One after the other for an enclave, so that no notice is lost between reading and writing. */
  function bring(enclaveId: EnclaveId): void {
    const turn = (turns.get(enclaveId) ?? Promise.resolve()).then(() =>
      current === null ? undefined : offer(offering, enclaveId, current),
    )
    turns.set(enclaveId, turn)
  }

  const unsubscribe = ports.enclaves.subscribe(({ type, host }) => {
    if (type === 'ready' || type === 'retired') bring(host)
  })

  return {
    announce(manifest) {
      current = manifest
      offering.refusals.clear()
      const { serial, images } = manifest.body
      ports.events.manifestRead({ serial, images: images.length, signatures: manifest.signatures.length })
      for (const id of inState(ports, 'ready', 'retired')) bring(id)
    },
    report: async () => ({ manifest: current, enclaves: await reportRows(offering) }),
    close() {
      unsubscribe()
      for (const timer of offering.timers) clearTimeout(timer)
    },
  }
}
