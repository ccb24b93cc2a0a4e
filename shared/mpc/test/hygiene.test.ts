import { describe, expect, it } from 'vitest'
import type { Frost, Scheme } from '../src/index.ts'
import { dkg, each, finish, from, indices, partials, round1, round2 } from './ceremony.ts'
import { expectFailure } from './failing.ts'
import { watched } from './watched.ts'

const schemes: Scheme[] = ['frost-secp256k1-tr', 'frost-ed25519']

/** The 32-byte secrets within what is passed in or comes out. */
const SHARE = [37, 69] as const
const secretOf = {
  share: (share: Uint8Array) => share.slice(...SHARE),
  hiding: (nonces: Uint8Array) => nonces.slice(5, 37),
  binding: (nonces: Uint8Array) => nonces.slice(37, 69),
  package: (bytes: Uint8Array) => bytes.slice(5, 37),
}

describe.each(schemes)('%s', (scheme) => {
  const { mpc, leavesNothing } = watched()
  const frost: Frost = mpc.frost(scheme)

  const first = round1(frost, 3, 2)
  const second = round2(frost, first)
  const key = dkg(frost, 3, 2)
  const publicKeys = key.publicKeys.get(1)!
  const share = key.shares.get(1)!
  const message = new Uint8Array(32)

  it('leaves nothing of a DKG in memory', () => {
    // identifier, count, then the coefficients
    leavesNothing(
      () => frost.dkgPart1({ index: 1, participants: 3, threshold: 2 }),
      ({ secret }) => [secret.slice(33, 65), secret.slice(65, 97)],
    )
    leavesNothing(
      () => frost.dkgPart2({ secret: first.get(1)!.secret, packages: from(first, 1, (one) => one.package) }),
      ({ packages }) => [
        first.get(1)!.secret.slice(33, 65),
        ...[...packages.values()].map((bytes) => secretOf.package(bytes)),
      ],
    )
    leavesNothing(
      () => finish(frost, first, second, 1),
      (done) => [secretOf.share(done.share), secretOf.package(second.get(2)!.packages.get(1)!)],
    )
  })

  it('leaves nothing of a split key', () => {
    const secretKey = crypto.getRandomValues(new Uint8Array(32))
    leavesNothing(
      () => frost.dealerSplit({ secretKey, participants: 3, threshold: 2 }),
      ({ shares }) => [secretKey, ...[...shares.values()].map((one) => secretOf.share(one))],
    )
  })

  it('leaves neither share nor nonces of a signing', () => {
    const { nonces, commitments } = leavesNothing(
      () => frost.commit({ share }),
      (made) => [secretOf.share(share), secretOf.hiding(made.nonces), secretOf.binding(made.nonces)],
    )
    const all = new Map([
      [1, commitments],
      [2, frost.commit({ share: key.shares.get(2)! }).commitments],
    ])
    leavesNothing(
      () => frost.sign({ share, nonces, commitments: all, message }),
      (partial) => [secretOf.share(share), secretOf.hiding(nonces), secretOf.binding(nonces), partial],
    )
    leavesNothing(
      () => frost.verifyShare({ share, publicKeys }),
      () => [secretOf.share(share)],
    )
  })

  it('leaves nothing of a refresh or a repair', () => {
    const fresh1 = each(indices(3), (index) => frost.refreshPart1({ index, participants: 3, threshold: 2 }))
    const fresh2 = each(indices(3), (index) => {
      const packages = from(fresh1, index, (one) => one.package)
      return frost.refreshPart2({ secret: fresh1.get(index)!.secret, packages })
    })
    leavesNothing(
      () =>
        frost.refreshPart3({
          secret: fresh2.get(1)!.secret,
          round1: from(fresh1, 1, (one) => one.package),
          round2: from(fresh2, 1, (one) => one.packages.get(1)!),
          share,
          publicKeys,
        }),
      (done) => [secretOf.share(share), secretOf.share(done.share)],
    )
    const deltas = leavesNothing(
      () => frost.repairPart1({ share, helpers: [1, 2], lost: 3 }),
      (made) => [secretOf.share(share), ...made.values()],
    )
    leavesNothing(
      () => frost.repairPart2({ deltas }),
      (sigma) => [sigma, ...deltas.values()],
    )
  })

  it('leaves nothing of a call that fails', () => {
    const { nonces, commitments } = frost.commit({ share })
    const alone = new Map([[1, commitments]])
    leavesNothing(
      () => expectFailure(() => frost.sign({ share, nonces, commitments: alone, message }), 'invalid_input'),
      () => [secretOf.share(share), secretOf.hiding(nonces)],
    )
  })
})

describe('threshold ECDH', () => {
  const { mpc, seen, leavesNothing } = watched()
  const key = dkg(mpc.frost('frost-secp256k1-tr'), 3, 2)
  const publicKeys = key.publicKeys.get(1)!
  const share = key.shares.get(1)!
  const peer = mpc.secp256k1.publicKey(crypto.getRandomValues(new Uint8Array(32)))
  const message = new Uint8Array(32)
  const xOf = (point: Uint8Array) => point.slice(1, 33)
  const partial = (index: number) => mpc.ecdh.partial({ share: key.shares.get(index)!, peer, message })

  it('leaves neither share, partials nor the shared point', () => {
    const own = leavesNothing(
      () => partial(1),
      (made) => [secretOf.share(share), xOf(made)],
    )
    leavesNothing(
      () => mpc.ecdh.verifyPartial({ publicKeys, index: 1, peer, message, partial: own }),
      () => [xOf(own)],
    )
    const partials = new Map([
      [1, own],
      [3, partial(3)],
    ])
    const messages = each([1, 3], () => message)
    leavesNothing(
      () => mpc.ecdh.combine({ publicKeys, peer, messages, partials }),
      (shared) => [xOf(shared), xOf(own), xOf(partials.get(3)!)],
    )
    const swapped = new Map(partials).set(1, partials.get(3)!)
    leavesNothing(
      () =>
        expectFailure(() => mpc.ecdh.combine({ publicKeys, peer, messages, partials: swapped }), 'bad_partial', [1]),
      () => [xOf(partials.get(3)!)],
    )
  })

  it('leaves no share when the peer’s key is none', () => {
    leavesNothing(
      () => expectFailure(() => mpc.ecdh.partial({ share, peer: new Uint8Array(33), message }), 'invalid_input'),
      () => [secretOf.share(share)],
    )
  })

  it('proves with fresh randomness, and not without any', () => {
    expect(partial(1).slice(0, 33)).toEqual(partial(1).slice(0, 33))
    expect(partial(1).slice(33)).not.toEqual(partial(1).slice(33))
    const broken = watched({
      random: () => {
        throw new Error('no entropy')
      },
    })
    expectFailure(() => broken.mpc.ecdh.partial({ share, peer, message }), 'trapped')
    expect(broken.seen.ended.includes(secretOf.share(share))).toBe(true)
    expect(broken.seen.wiped.every((byte) => byte === 0)).toBe(true)
    expect(seen.wiped.every((byte) => byte === 0)).toBe(true)
  })
})

describe('a secp256k1 secret', () => {
  it('is gone after each call', () => {
    const { mpc, seen } = watched()
    const secret = crypto.getRandomValues(new Uint8Array(32))
    const publicKey = mpc.secp256k1.publicKey(secret)
    expect([seen.ended.includes(secret), seen.wiped.every((byte) => byte === 0)]).toEqual([true, true])
    const shared = mpc.secp256k1.sharedPoint(secret, publicKey)
    expect([seen.ended.includes(shared), seen.wiped.every((byte) => byte === 0)]).toEqual([true, true])
    expect(mpc.secp256k1.sharedPoint(secret, mpc.secp256k1.uncompress(publicKey))).toEqual(shared)
    const message = new TextEncoder().encode('signed')
    const signature = mpc.secp256k1.sign(secret, message)
    expect([seen.ended.includes(secret), seen.ended.includes(signature)]).toEqual([true, true])
    expect(seen.wiped.every((byte) => byte === 0)).toBe(true)
    expect(mpc.secp256k1.sign(secret, message)).not.toEqual(signature)
  })

  it('signs nothing where there is no randomness, and is gone then too', () => {
    const broken = watched({
      random: () => {
        throw new Error('no entropy')
      },
    })
    const secret = crypto.getRandomValues(new Uint8Array(32))
    expectFailure(() => broken.mpc.secp256k1.sign(secret, new Uint8Array(32)), 'trapped')
    expect(broken.seen.ended.includes(secret)).toBe(true)
    expect(broken.seen.wiped.every((byte) => byte === 0)).toBe(true)
  })

  it('is neither zero nor beyond the order', () => {
    const { mpc } = watched()
    for (const secret of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(31), new Uint8Array(33)]) {
      expectFailure(() => mpc.secp256k1.publicKey(secret), 'invalid_input')
      expectFailure(() => mpc.secp256k1.sign(secret, new Uint8Array(32)), 'invalid_input')
    }
  })
})

describe('a trap', () => {
  it('costs the call that ran out of randomness, and no other', () => {
    let broken = false
    const random = (into: Uint8Array) => {
      if (broken) throw new Error('no entropy')
      crypto.getRandomValues(into as Uint8Array<ArrayBuffer>)
    }
    const { mpc, seen } = watched({ random })
    const frost = mpc.frost('frost-secp256k1-tr')
    const key = dkg(frost, 2, 2)
    const share = key.shares.get(1)!
    broken = true
    expectFailure(() => frost.commit({ share }), 'trapped')
    expect(seen.ended.includes(secretOf.share(share))).toBe(true)
    expect(seen.wiped.every((byte) => byte === 0)).toBe(true)
    broken = false
    expect(partials(frost, key, [1, 2], new Uint8Array(1)).partials.size).toBe(2)
  })

  it('is what happens beyond the cap on memory, after which memory is small again', () => {
    const { mpc, seen } = watched()
    const frost = mpc.frost('frost-ed25519')
    const publicKey = new Uint8Array(32)
    const signature = new Uint8Array(64)
    frost.verify({ publicKey, message: new Uint8Array(0), signature })
    const usual = seen.ended.length
    expect(frost.verify({ publicKey, message: new Uint8Array(1 << 20), signature })).toBe(false)
    expect(seen.ended.length).toBeGreaterThan(1 << 20)
    expectFailure(() => frost.verify({ publicKey, message: new Uint8Array(40 << 20), signature }), 'trapped')
    expect(seen.ended.length).toBeLessThanOrEqual(32 << 20)
    expect(frost.verify({ publicKey, message: new Uint8Array(0), signature })).toBe(false)
    expect(seen.ended.length).toBe(usual)
  })

  it('never comes from bytes that a peer sent', () => {
    const { mpc } = watched()
    expect.hasAssertions()
    for (const scheme of schemes) {
      const frost = mpc.frost(scheme)
      const first = round1(frost, 2, 2)
      const good = first.get(2)!.package
      for (let at = 0; at < good.length; at += 1) {
        for (const bytes of [good.with(at, good[at]! ^ 0x80), good.with(at, good[at]! ^ 0x7f), good.slice(0, at)]) {
          try {
            // Another valid point for a higher coefficient passes here and is found out in part three.
            frost.dkgPart2({ secret: first.get(1)!.secret, packages: new Map([[2, bytes]]) })
          } catch (error) {
            expect(error).toMatchObject({ code: 'bad_package', culprits: [2] })
          }
        }
      }
    }
  })
})
