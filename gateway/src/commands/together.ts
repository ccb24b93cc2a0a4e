import { Refusal } from '@quorate/shared/errors'
import type { SigningProgress } from '@quorate/shared/wire/routes/signing'
import type { SigningEntry, SigningsTaken } from '@quorate/shared/wire/routes/together'

const refusedEntry = (error: unknown): SigningEntry => {
  if (error instanceof Refusal) return { code: error.code, culprits: [...error.culprits] }
  throw error
}

/** Does each by itself: what is refused keeps none of the others from being done. */
export const doEach = <T>(all: readonly T[], act: (one: T) => Promise<SigningProgress>): Promise<SigningsTaken> =>
  Promise.all(
    all.map((one) => act(one).then(({ signingId, state }): SigningEntry => ({ signingId, state }), refusedEntry)),
  ).then((signings) => ({ signings }))
