import fc from 'fast-check'
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools'
import { expect, it } from 'vitest'
import { loadMpc } from '../../mpc/src/index.ts'
import { SignedEvent } from '../../src/nostr/event.ts'
import { narrowed } from '../../src/bunker/handed.ts'
import { formatHandOn, handOnEvent, readHandOn, type HandedOn } from '../../src/nostr/hand-on.ts'
import { CipherMethod, credentialKinds, permitsKind, type Permissions } from '../../src/nostr/permissions.ts'
import { bob, grantOf, now, signer, today, user } from './clients.ts'

const mpc = await loadMpc()
const secretKey = generateSecretKey()
const handed: HandedOn = {
  signer,
  client: bob,
  permissions: { methods: [], kinds: { ordinary: true, named: [] } },
  peers: null,
  longest: null,
  expiresAt: now,
}
const sign = (what: object, kind = 30_078) =>
  SignedEvent.parse(
    JSON.parse(JSON.stringify(finalizeEvent({ ...handOnEvent(what as HandedOn, today), kind }, secretKey))),
  )

it('what is handed on reads as its author signed it, for its signer and its client alone', () => {
  const text = formatHandOn(sign(handed))
  const to = { signer, client: bob }
  expect(readHandOn(mpc, text, to)).toMatchObject({ by: getPublicKey(secretKey), handed })
  for (const other of [
    { signer: user, client: bob },
    { signer, client: user },
  ])
    expect(readHandOn(mpc, text, other)).toBeNull()
  for (const bad of ['s3cret', 'handed-on:', 'handed-on:AAAAA', 'handed-on:!', `${text}AA`, `x${text}`])
    expect(readHandOn(mpc, bad, to)).toBeNull()
  expect(readHandOn(mpc, formatHandOn({ ...sign(handed), created_at: 1 }), to)).toBeNull()
  expect(readHandOn(mpc, formatHandOn(sign(handed, 1)), to)).toBeNull()
  expect(readHandOn(mpc, formatHandOn(sign({ ...handed, more: 1 })), to)).toBeNull()
})

const permissions: fc.Arbitrary<Permissions> = fc.record({
  methods: fc.uniqueArray(fc.constantFrom(...CipherMethod.options)),
  kinds: fc.record({
    ordinary: fc.boolean(),
    named: fc.uniqueArray(fc.constantFrom(0, 1, 4, ...credentialKinds)),
  }),
})
const peers = fc.option(fc.uniqueArray(fc.constantFrom(signer, user, bob)))
const longest = fc.option(fc.nat(9))

it('is never wider than either of both, and has all that both have', () => {
  fc.assert(
    fc.property(permissions, permissions, peers, peers, longest, longest, (one, other, p, q, l, m) => {
      const grant = grantOf('nothing', { permissions: one, peers: p, longest: l })
      const part = narrowed(grant, { ...handed, permissions: other, peers: q, longest: m })
      for (const kind of [0, 1, 4, 7, ...credentialKinds])
        expect(permitsKind(part.permissions, kind)).toBe(permitsKind(one, kind) && permitsKind(other, kind))
      for (const method of CipherMethod.options)
        expect(part.permissions.methods.includes(method)).toBe(
          one.methods.includes(method) && other.methods.includes(method),
        )
      for (const peer of [signer, user, bob])
        expect(part.peers === null || part.peers.includes(peer)).toBe(
          (p === null || p.includes(peer)) && (q === null || q.includes(peer)),
        )
      expect(part.longest ?? 99).toBe(Math.min(l ?? 99, m ?? 99))
      expect(part.expiresAt).toBe(Math.min(grant.expiresAt, handed.expiresAt))
      expect([part.id, part.limits, part.handsOn]).toEqual([grant.id, grant.limits, false])
    }),
  )
})
