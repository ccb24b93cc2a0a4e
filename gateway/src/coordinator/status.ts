import type { RefusalCode } from '@quorate/shared/errors'
import type { Slot } from '@quorate/shared/wire/keygen'
import type { Failure, KeygenStatus, RefreshStatus, SigningStatus } from '@quorate/shared/wire/rest'
import type { KeygenSession } from '../keygen/session.ts'
import type { RefreshSession } from '../refresh/session.ts'
import type { Inbox } from '../rounds/rounds.ts'
import type { SigningSession } from '../signing/session.ts'
import type { Versioned } from './actor.ts'

type Phase = { name: string; code?: RefusalCode; culprits?: readonly number[] }

function failureOf(phase: Phase, expired: RefusalCode): Failure | null {
  if (phase.name === 'expired') return { code: expired, culprits: [] }
  return phase.code === undefined ? null : { code: phase.code, culprits: [...(phase.culprits ?? [])] }
}

export function slotsOf({ places, phase }: KeygenSession): Slot[] {
  const registered = 'registrations' in phase ? phase.registrations : {}
  return places.map(({ userId, index, host }) => ({
    userId,
    index,
    enclaveId: host.enclaveId,
    registered: index in registered,
  }))
}

/** What the world may see of a keygen. */
export const keygenStatusOf = ({ version, state }: Versioned<KeygenSession>): KeygenStatus => ({
  keyId: state.keyId,
  version,
  state: state.phase.name,
  expiresAt: state.expiresAt,
  slots: slotsOf(state),
  failure: failureOf(state.phase, 'keygen.expired'),
  certificate: state.phase.name === 'completed' ? state.phase.certificate : null,
})

/** What the readers of a key may see of a signing. */
export const signingStatusOf = ({ version, state }: Versioned<SigningSession>): SigningStatus => {
  const { phase } = state
  const completed = phase.name === 'completed' ? phase : null
  return {
    signingId: state.signingId,
    keyId: state.keyId,
    version,
    state: phase.name,
    expiresAt: state.request.body.expiresAt,
    attempt: state.attempt,
    request: state.request,
    sealedItems: [...state.sealedItems],
    approvals: Object.values(state.approvals).filter((approval) => approval !== undefined),
    quorum: 'quorum' in phase ? [...phase.quorum] : [],
    failure: failureOf(phase, 'signing.expired'),
    results: completed ? [...completed.results] : null,
    receipts: completed ? [...completed.receipts] : [],
  }
}

const said = <T>(words: Inbox<T> | readonly T[]): T[] => Object.values(words).filter((word) => word !== undefined)

/** What the readers of a key may see of a refresh. */
export const refreshStatusOf = ({ version, state }: Versioned<RefreshSession>): RefreshStatus => {
  const { refreshId, keyId, request, attempt, phase } = state
  return {
    ...{ refreshId, keyId, version, attempt, request },
    state: phase.name,
    expiresAt: request.body.expiresAt,
    failure: phase.name === 'failed' ? { code: phase.code, culprits: [...phase.culprits] } : null,
    certificate: 'certificate' in phase ? phase.certificate : null,
    prepared: 'prepared' in phase ? said(phase.prepared) : [],
    installed: 'installed' in phase ? said(phase.installed) : [],
  }
}
