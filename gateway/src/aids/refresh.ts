import { Refusal } from '@quorate/shared/errors'
import { digestOf } from '@quorate/shared/crypto/sign'
import { succeeds } from '@quorate/shared/verify/refresh'
import type { RoundFrame } from '@quorate/shared/verify/rounds'
import type { KeyId } from '@quorate/shared/wire/ids'
import type { CertificateBody } from '@quorate/shared/wire/certificate'
import type { RefreshSession, RefreshTerms } from '../courses/refresh-terms.ts'
import type { Aid, Mend } from '../engine/ask.ts'
import { signKeyOf, verifyInstalled, verifyPrepared } from './epoch-change.ts'
import { epochForgotten, shareForgotten } from './forgotten.ts'
import { verifyCertified, verifyMessage, verifyPackages } from './keygen.ts'
import type { Tools } from './tools.ts'

type Round = keyof RefreshTerms['given']

async function sealedShare({ store }: Tools, s: RefreshSession, { epoch }: CertificateBody, index: number) {
  const record = await store.loadKeyAt(s.keyId, epoch)
  const share = record?.shares.find((one) => one.index === index)
  if (share === undefined) throw new Refusal('internal')
  return { sealedShare: share.sealed }
}

async function frameOf({ keys }: Tools, s: RefreshSession): Promise<RoundFrame> {
  const { certificate } = (await keys.load(s.keyId)).verified
  return {
    skeleton: certificate.roster.skeleton,
    ceremony: digestOf('refresh', s.own.request.body),
    attempt: s.attempt,
  }
}

function mendsOf(tools: Tools, round: Round): readonly Mend<RefreshTerms>[] {
  switch (round) {
    case 'round1':
    case 'install':
      return [shareForgotten(tools)]
    case 'prepare':
      return [shareForgotten(tools), epochForgotten(tools)]
    case 'round2':
    case 'round3':
    case 'hold':
      return []
  }
}

/** `isQuiet`: no signing of this key is open here. */
export const createRefreshAid = (tools: Tools, isQuiet: (keyId: KeyId) => boolean): Aid<RefreshTerms> => ({
  isFree: ({ keyId }) => isQuiet(keyId),
  mends: (round) => mendsOf(tools, round),
  bring: {
    prepare: (s, { given: { certificate } }, index) => sealedShare(tools, s, certificate.body, index),
    install: (s, { given: { certificate } }, index) => sealedShare(tools, s, certificate.body, index),
  },
  verify: {
    round1: async (s, _, { index, says }) => verifyMessage(await frameOf(tools, s), index, says.message),
    round2: async (s, { given }, { index, says }) =>
      verifyPackages(await frameOf(tools, s), index, given.messages, says.packages),
    async round3(s, _, { index, says }) {
      const { verified } = await tools.keys.load(s.keyId)
      const signKey = signKeyOf(verified.certificate, index)
      await verifyCertified(says, { index, signKey, accepts: (body) => succeeds(verified, body) })
    },
    prepare: (_, { given }, answer) => verifyPrepared(given, answer),
    install: (_, { given }, answer) => verifyInstalled(given, answer),
  },
})
